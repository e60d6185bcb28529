-- Settings that people saved under a name.

create table preset (
  id         text   primary key not null,
  owner_id   text   not null references person (id),
  name       text   not null,   -- the owner's word for it
  model      text   not null,   -- it may be offered no more; then its settings go to the first that is
  fields     text   not null,   -- the form without its words and files: a JSON list of name and value
  created_at bigint not null
);
create unique index preset_name on preset (owner_id, name);
