-- The API for programs: how often a key may call, and what its addresses are sealed with.

-- The shared token bucket of one key for one kind of call, in whole numbers: a token is 60,000 parts, and a millisecond
-- refills as many parts as calls are allowed a minute.
create table key_rate (
  key_id      text   not null references api_key (id),
  kind        text   not null check (kind in ('create', 'poll', 'read')),
  parts       bigint not null,                    -- at refilled_at
  refilled_at bigint not null,
  primary key (key_id, kind)
);

-- What this house seals addresses with; made when it is first needed, and never told.
create table house_secret (
  name  text primary key not null,                -- addresses
  value text not null                             -- 256 random bits, hex
);

-- When a program wants its request to be given up, if it said so: sooner than everybody's deadline.
alter table generation add column asked_deadline_at bigint;
