-- Letting generations into flight: what may be in flight at once, how fast paid calls may be made, and what stops them.

-- What all processes keep to. A worker writes what it was configured with when it starts; the last one to start decides.
create table allowance (
  name   text   primary key not null,             -- in_flight, per_person: predictions at once; creates_per_minute
  amount bigint not null check (amount > 0)
);
insert into allowance (name, amount) values ('in_flight', 100), ('per_person', 10), ('creates_per_minute', 600);

-- The shared token bucket of paid calls, in whole numbers: a token is 60,000 parts, and a millisecond refills as many parts
-- as calls are allowed a minute. Never written yet, so that it can be made anew.
drop table bucket;
create table bucket (
  name          text   primary key not null,      -- creates
  parts         bigint not null,                  -- at refilled_at
  refilled_at   bigint not null,
  blocked_until bigint not null default 0         -- Replicate asked us to wait until then
);
insert into bucket (name, parts, refilled_at) values ('creates', 36000000, 0);

-- Pauses: an operator's (global, model:<name>, person:<id>), and those that worker's calls met (account, provider), which
-- end by themselves: once `until` has passed, one call is let through to try.
alter table pause add column failures bigint not null default 0;

-- Predictions of one model at once; null: as many as there may be in all.
alter table model add column max_in_flight bigint;

-- A person's queued generations in their order, so that a look at everybody's first skips from person to person.
drop index generation_queue;
create index generation_lane on generation (owner_id, priority desc, created_at, id) where state = 'queued';
create index generation_queue_due on generation (run_at) where state = 'queued';
drop index generation_flight;
create index generation_flight on generation (owner_id, model) where state in ('submitting', 'waiting', 'canceling');
