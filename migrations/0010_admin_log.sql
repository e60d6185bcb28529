-- What was changed by hand, by whom, and from what to what.
create table admin_log (
  id        text   primary key not null,
  at        bigint not null,
  actor     text   not null,                      -- person:<id>, operator
  action    text   not null,                      -- model.added, model.changed, model.looked, model.moved
  subject   text   not null,                      -- of a model its owner/name
  old_value text   not null,                      -- JSON, only what changed
  new_value text   not null                       -- JSON, only what changed
);
create index admin_log_subject on admin_log (subject, at);

-- How long runs of a model lately took.
create index generation_pace on generation (model, finished_at) where state = 'succeeded';
