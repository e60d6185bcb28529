-- What people send us to work from: pictures, films, sounds.

-- A file of a person. What was sent is not kept as it came: pictures are written anew without what their cameras noted.
create table file (
  id             text   primary key not null,     -- 128 random bits
  owner_id       text   not null references person (id),
  purpose        text   not null check (purpose in ('input')),
  name           text   not null,                 -- what its owner calls it
  content_type   text   not null,                 -- by its bytes
  bytes          bigint not null check (bytes > 0),
  sha256         text   not null,                 -- of what is kept; the same file of one person is kept once
  width          bigint,                          -- pixels, of pictures
  height         bigint,
  object_key     text   not null unique,
  created_at     bigint not null,
  touched_at     bigint not null,                 -- sent again, or asked to be worked from
  expires_at     bigint,                          -- null: it stays while anything works from it
  provider_url   text,                            -- Replicate's copy, while it lives
  provider_until bigint,
  unique (owner_id, sha256)
);
create index file_owner on file (owner_id, created_at, id);
create index file_touched on file (touched_at);

-- Which generation works from which file. A file that any does is not cleared away.
create table file_use (
  file_id       text   not null references file (id),
  generation_id text   not null references generation (id),
  primary key (file_id, generation_id)
);
create index file_use_generation on file_use (generation_id);
