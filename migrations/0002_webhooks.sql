-- What Replicate tells us by itself, and predictions that nobody asked for.

-- Every webhook that was believed, once: Replicate sends the same message again when it hears no answer.
create table inbox (
  message_id    text   primary key not null,      -- webhook-id
  generation_id text   not null,
  seq           bigint not null,                  -- of the paid call whose webhook it is
  prediction_id text   not null,
  outcome       text   not null check (outcome in ('adopted', 'woken', 'known', 'stray')),
  received_at   bigint not null
);
create index inbox_generation on inbox (generation_id, received_at);

-- A prediction that exists at Replicate and that no generation has a use for: a paid call whose answer was lost made it,
-- and another was bought since. It is cancelled until Replicate says that it has ended, and the row stays: it is money.
create table stray (
  prediction_id text   primary key not null,
  generation_id text   not null,                  -- whose paid call made it
  seq           bigint not null,
  source        text   not null check (source in ('webhook', 'list', 'operator')),
  found_at      bigint not null,
  tries         bigint not null default 0,        -- answers that did not say it has ended
  run_at        bigint not null,                  -- not before
  status        text,                             -- Replicate's word for its end
  ended_at      bigint                            -- null: it may still run
);
create index stray_due on stray (run_at) where ended_at is null;
create index submission_prediction on submission (prediction_id) where prediction_id is not null;
