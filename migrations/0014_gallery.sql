-- The gallery: favourites, collections, a trash, and words to search for.

-- What its owner thinks of it. Only what has ended can be in the trash.
alter table generation add column favourite_at bigint;
alter table generation add column trashed_at bigint;        -- in the trash since; a month later it is purged
alter table generation add column purged_at bigint;         -- nobody sees it any more; its line on the statement stays
create index generation_favourite on generation (owner_id, created_at, id) where favourite_at is not null;
create index generation_trash on generation (owner_id, trashed_at) where trashed_at is not null;
create index generation_purge on generation (trashed_at) where trashed_at is not null and purged_at is null;

-- A kept file whose object was removed; its size and its hash stay, because what was paid for was made.
alter table output add column gone_at bigint;

-- A prompt as searches compare it: NFKC, lower case, single spaces. Narrow, so that looking through all of one person's is
-- quick. Written with the generation; what is older, or was written by an older release, is filled in by the worker.
create table prompt_words (
  generation_id text   primary key not null references generation (id),
  owner_id      text   not null references person (id),
  created_at    bigint not null,                  -- the generation's
  folded        text   not null
);
create index prompt_words_owner on prompt_words (owner_id, created_at, generation_id);

-- Pictures that somebody put together under a name.
create table collection (
  id         text   primary key not null,
  owner_id   text   not null references person (id),
  name       text   not null,
  created_at bigint not null,
  unique (owner_id, name)
);
create table collection_item (
  collection_id text   not null references collection (id),
  generation_id text   not null references generation (id),
  added_at      bigint not null,
  primary key (collection_id, generation_id)
);
create index collection_item_generation on collection_item (generation_id);
