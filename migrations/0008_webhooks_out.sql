-- What we tell of by ourselves: webhooks to the addresses that people name with a request.

alter table generation add column webhook text;             -- where to; null: nowhere
alter table generation add column webhook_events text;      -- JSON, a list of words; null: output and completed

-- What a person's webhooks are signed with. It is kept as it is, because it is needed as it is.
create table webhook_secret (
  owner_id       text   primary key not null references person (id),
  secret         text   not null,                 -- whsec_ and base64
  previous       text,                            -- signs as well until then, so that receivers can change it in peace
  previous_until bigint,
  created_at     bigint not null
);

-- One message, which is the same message however often it has to be sent.
create table webhook_out (
  id            text   primary key not null,      -- msg_…
  owner_id      text   not null references person (id),
  generation_id text   not null references generation (id),
  url           text   not null,
  event         text   not null check (event in ('start', 'output', 'logs', 'completed')),
  body          text,                             -- JSON; null until it is first sent
  attempts      bigint not null default 0,
  next_at       bigint,                           -- not before; null: nothing more is tried
  leased_until  bigint not null default 0,        -- somebody is sending it
  last_at       bigint,
  last_status   bigint,                           -- of HTTP, when there was an answer
  last_error    text,                             -- in a word, when there was none
  delivered_at  bigint,
  disabled_at   bigint,                           -- given up
  created_at    bigint not null
);
create index webhook_out_due on webhook_out (next_at) where next_at is not null;
create index webhook_out_leased on webhook_out (owner_id, leased_until) where next_at is not null;
create index webhook_out_owner on webhook_out (owner_id, created_at, id);
create index webhook_out_generation on webhook_out (generation_id);

-- Addresses that nothing more is sent to.
create table webhook_off (
  owner_id text   not null references person (id),
  url      text   not null,
  reason   text   not null check (reason in ('gone', 'failing')),
  off_at   bigint not null,
  primary key (owner_id, url)
);
