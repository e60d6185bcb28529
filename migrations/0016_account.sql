-- The account: what a person lets be spent, where they are signed in, and how they leave.

-- Limits that people set themselves; null: none.
alter table person add column daily_cap bigint check (daily_cap > 0);      -- credits in any 24 hours
alter table person add column ask_above bigint check (ask_above >= 0);     -- a press that costs more is asked about once
alter table person add column warn_below bigint check (warn_below > 0);    -- with less to spend, every page says so

-- Leaving. From `left_at` on nobody can sign in; once nothing of theirs runs, what they made is removed, and the rest of
-- the row says no more of them than the books need.
alter table person add column left_at bigint;
alter table person add column erased_at bigint;
create index person_leaving on person (left_at) where left_at is not null and erased_at is null;

-- What a session says of itself to its owner.
create index session_person on session (person_id, created_at) where person_id is not null;
