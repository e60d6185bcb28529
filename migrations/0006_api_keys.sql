-- Keys of people's programs, and which of them a generation was asked for with.

create table api_key (
  id           text   primary key not null,
  owner_id     text   not null references person (id),
  name         text   not null,                   -- the owner's word for it
  prefix       text   not null,                   -- how the key begins; people tell keys apart by it
  hash         text   not null unique,            -- SHA-256 of the whole key, hex; the key itself is kept nowhere
  scopes       text   not null check (scopes in ('read', 'write', 'read write')),
  monthly_cap  bigint check (monthly_cap > 0),    -- credits in a month of UTC; null: as many as the person has
  lineage      text   not null,                   -- the first key of a row of keys that replaced each other; they share a cap
  replaces     text   unique references api_key (id), -- a key is replaced once
  created_at   bigint not null,
  last_used_at bigint,                            -- to the minute
  expires_at   bigint,                            -- null: never
  revoked_at   bigint                             -- null: its owner let it live
);
create index api_key_owner on api_key (owner_id, created_at);
create index api_key_lineage on api_key (lineage);

alter table generation add column api_key_id text references api_key (id);
create index generation_api_key on generation (api_key_id, created_at) where api_key_id is not null;
