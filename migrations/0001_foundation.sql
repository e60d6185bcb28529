-- The foundation: people, sessions, money, the catalogue, generations.
-- One text for SQLite and PostgreSQL; the subset both speak is written down in README.md beside this file.
-- What the dialects cannot share (append-only triggers) is in src/server/db.rs.

-- Somebody with an account here.
create table person (
  id            text   primary key not null,
  email         text   not null unique,           -- lower case, trimmed
  password_hash text   not null,                  -- PHC string, argon2id
  role          text   not null check (role in ('admin', 'creator')),
  created_at    bigint not null
);

-- A signed-in browser. The row holds the SHA-256 of the cookie's id, so that a dump of this table signs nobody in.
create table session (
  id_hash    text   primary key not null,
  person_id  text   references person (id),       -- null until sign-in
  data       text   not null,                     -- JSON, the session's record
  expires_at bigint not null,
  created_at bigint not null
);
create index session_expiry on session (expires_at);

-- A ledger account. People's accounts cache what their entries and open holds add up to, and the database refuses
-- to let them spend what they do not have. The house's accounts cache nothing: no row that every sale would fight over.
create table account (
  id         text   primary key not null,
  owner_id   text   unique references person (id),
  kind       text   not null check (kind in ('person', 'issued', 'earned', 'breakage')),
  posted     bigint not null default 0,           -- sum of the entries
  held       bigint not null default 0,           -- sum of the open holds
  entries    bigint not null default 0,           -- how many entries; the next one's place in the chain
  head_hash  text   not null default '',          -- hash of the last entry
  version    bigint not null default 0,           -- +1 with every change, orders what the page shows
  updated_at bigint not null,
  created_at bigint not null,
  check (held >= 0),
  check (kind <> 'person' or posted - held >= 0),
  check ((kind = 'person') = (owner_id is not null))
);

-- One effect on the books, and its cause. (kind, ref) is unique: an effect happens once, however often it is asked for.
create table txn (
  id         text   primary key not null,
  kind       text   not null check (kind in ('signup_grant', 'grant', 'hold', 'capture', 'release')),
  ref        text   not null,                     -- the cause: a person, a generation, an operator's request
  actor      text   not null,                     -- person:<id>, worker, operator
  reason     text,
  created_at bigint not null,
  unique (kind, ref)
);

-- One line of an account. Every txn's entries add up to zero. Entries of people's accounts form a chain by hash.
create table entry (
  id            text   primary key not null,
  txn_id        text   not null references txn (id),
  account_id    text   not null references account (id),
  lot_id        text,                             -- which lot it touched, once credits come in lots
  amount        bigint not null check (amount <> 0),
  place         bigint,                           -- 1, 2, 3 … within the account; null for the house
  posted_after  bigint,                           -- the account's sum after this line; null for the house
  previous_hash text,
  hash          text,
  created_at    bigint not null,
  unique (account_id, place)
);
create index entry_txn on entry (txn_id);
create index entry_statement on entry (account_id, created_at, id);

-- Credits set aside for one generation. It ends as a capture of all or part, or as a release.
create table hold (
  id            text   primary key not null,
  account_id    text   not null references account (id),
  generation_id text   not null unique,
  amount        bigint not null check (amount > 0),
  unit_price    bigint not null check (unit_price > 0),   -- the price of one output when the button was pressed
  captured      bigint not null default 0,
  state         text   not null check (state in ('open', 'captured', 'released')),
  expires_at    bigint not null,                  -- past every deadline of the generation; the reconciler's alarm
  created_at    bigint not null,
  settled_at    bigint,
  check (captured >= 0 and captured <= amount),
  check ((state = 'captured') = (captured > 0))
);
create index hold_account on hold (account_id, state);

-- The catalogue.
create table model (
  name         text   primary key not null,       -- owner/name
  label        text   not null,
  description  text   not null,
  version      text,                              -- pinned version; null for an official model, which runs by name
  unit_price   bigint not null check (unit_price > 0),
  max_count    bigint not null check (max_count > 0),
  input_schema text   not null,                   -- JSON Schema of the input
  place        bigint not null,                   -- order in the catalogue
  enabled_at   bigint                             -- null: not offered
);

-- One request of a person. This row is also the durable job: enqueueing it is the commit that holds the credits.
create table generation (
  id                text   primary key not null,
  owner_id          text   not null references person (id),
  request_key       text   not null,              -- one press of the button, one generation
  request_hash      text   not null,              -- what was asked under that key; another request may not reuse it
  retry_of          text,
  model             text   not null references model (name),
  model_version     text,                         -- pinned when requested
  prompt            text   not null,
  aspect            text   not null,
  seed              bigint,
  count             bigint not null check (count > 0),
  input             text   not null,              -- JSON, as the model gets it
  unit_price        bigint not null,
  price             bigint not null,
  captured          bigint not null default 0,

  state             text   not null check (state in ('queued', 'submitting', 'waiting', 'storing', 'canceling', 'parked',
                                                     'succeeded', 'failed', 'canceled')),
  priority          bigint not null default 0,    -- the page before the API
  run_at            bigint not null,              -- not before
  deadline_at       bigint not null,              -- what is not done by then is failed and released
  lease_owner       text,                         -- the worker at it, new at every boot
  lease_until       bigint not null default 0,
  lease_epoch       bigint not null default 0,    -- fencing: every write of a worker names the epoch it was given
  step_try          bigint not null default 0,    -- failures of the present step
  lost_leases       bigint not null default 0,    -- leases that ran out; many of them mean that it kills workers

  submit_seq        bigint not null default 0,    -- number of the paid call, counted before it is made
  submit_at         bigint,                       -- when that intent was committed
  reconciles        bigint not null default 0,    -- looks for a prediction whose create went unanswered
  paid_attempts     bigint not null default 0,    -- predictions known to exist or to have existed
  given_up          bigint not null default 0,    -- paid calls whose answer was lost and whose prediction was not found
  prediction_id     text,
  prediction_status text,                         -- Replicate's word
  prediction_output text,                         -- JSON, the links to fetch
  prediction_metrics text,                        -- JSON
  progress          bigint,                       -- percent, when the model reports it
  output_until      bigint,                       -- the links are dead after this

  cancel_requested_at bigint,
  failure           text,                         -- class, for people
  failure_detail    text,                         -- upstream's words, for the operator
  created_at        bigint not null,
  started_at        bigint,
  finished_at       bigint,
  updated_at        bigint not null,
  version           bigint not null default 1,
  unique (owner_id, request_key)
);
create unique index generation_prediction on generation (prediction_id) where prediction_id is not null;
create index generation_queue on generation (priority, created_at, id) where state = 'queued';
create index generation_actionable on generation (run_at, lease_until) where state in ('submitting', 'waiting', 'storing', 'canceling');
create index generation_flight on generation (owner_id) where state in ('submitting', 'waiting', 'canceling');
create index generation_deadline on generation (deadline_at) where state in ('queued', 'parked');
create index generation_owner on generation (owner_id, created_at, id);
create index generation_gallery on generation (owner_id, created_at, id) where state = 'succeeded';
create index generation_changed on generation (owner_id, updated_at);

-- One kept file of a generation.
create table output (
  generation_id text   not null references generation (id),
  place         bigint not null,                  -- among the outputs, from 0
  object_key    text   not null,
  content_type  text   not null,                  -- sniffed
  bytes         bigint not null,
  sha256        text   not null,
  width         bigint not null,
  height        bigint not null,
  color         text   not null,                  -- average, #rrggbb
  thumbhash     text   not null,                  -- base64
  created_at    bigint not null,
  primary key (generation_id, place)
);

-- Every intent to make a paid call, and what came of it: the record that finds strays.
create table submission (
  generation_id text   not null references generation (id),
  seq           bigint not null,
  worker        text   not null,
  intended_at   bigint not null,
  outcome       text   check (outcome in ('accepted', 'not_sent', 'throttled', 'refused', 'ambiguous', 'found', 'given_up')),
  prediction_id text,
  primary key (generation_id, seq)
);

-- What happened to a generation, for the operator's timeline.
create table generation_event (
  id            text   primary key not null,
  generation_id text   not null references generation (id),
  at            bigint not null,
  epoch         bigint not null,
  from_state    text,
  to_state      text   not null,
  detail        text
);
create index generation_event_timeline on generation_event (generation_id, at);

-- Shared limits and pauses: rate limits over all processes, circuit breakers, an operator's hand.
create table bucket (
  key           text             primary key not null,
  tokens        double precision not null,
  refilled_at   bigint           not null,
  rate          double precision not null,        -- tokens per second
  burst         double precision not null,
  blocked_until bigint           not null default 0
);
create table pause (
  scope  text   primary key not null,             -- global, model:<name>, person:<id>
  reason text   not null,
  until  bigint                                   -- null: until somebody lifts it
);

insert into account (id, owner_id, kind, updated_at, created_at) values
  ('issued', null, 'issued', 0, 0),
  ('earned', null, 'earned', 0, 0),
  ('breakage', null, 'breakage', 0, 0);

insert into model (name, label, description, version, unit_price, max_count, input_schema, place, enabled_at) values
  ('black-forest-labs/flux-schnell', 'FLUX schnell', 'Fast and sharp; four steps to a picture.', null, 1, 4,
   '{"type":"object","required":["prompt"],"properties":{"prompt":{"type":"string"},"aspect_ratio":{"type":"string","enum":["1:1","16:9","21:9","3:2","2:3","4:5","5:4","3:4","4:3","9:16","9:21"],"default":"1:1"},"num_outputs":{"type":"integer","minimum":1,"maximum":4,"default":1},"seed":{"type":"integer"},"output_format":{"type":"string","enum":["webp","jpg","png"],"default":"webp"}}}',
   1, 0),
  ('stability-ai/sdxl', 'Stable Diffusion XL', 'Painterly and patient; takes exact sizes.',
   '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc', 2, 4,
   '{"type":"object","properties":{"prompt":{"type":"string"},"width":{"type":"integer","default":1024},"height":{"type":"integer","default":1024},"num_outputs":{"type":"integer","minimum":1,"maximum":4,"default":1},"seed":{"type":"integer"}}}',
   2, 0);
