-- Links to one picture for whoever is given them, and what a generation was made from.

create table share (
  id            text   primary key not null,      -- chosen by the form, so that sending it twice makes one link
  owner_id      text   not null references person (id),
  generation_id text   not null references generation (id),
  place         bigint not null,                  -- which of its outputs
  with_prompt   bigint not null,                  -- 1: the link shows the prompt
  with_settings bigint not null,                  -- 1: the link shows model, seed and settings
  expires_at    bigint,                           -- null: when it is revoked, and not before
  revoked_at    bigint,
  created_at    bigint not null
);
create index share_owner on share (owner_id, created_at, id);

-- The generation whose settings a form was filled with, which the person then changed or not. `retry_of` is stricter: the
-- very same input, once more.
alter table generation add column remix_of text;
create index generation_retries on generation (retry_of) where retry_of is not null;
create index generation_remixes on generation (remix_of) where remix_of is not null;
