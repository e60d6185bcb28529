-- What models print, and more about the messages we send.

alter table generation add column logs text;             -- the end of what the model printed; null: nothing yet

alter table webhook_out add column took_ms bigint;       -- how long the last try took
alter table webhook_out add column trial_at bigint;      -- somebody tries an address with it: told once, and never again

-- What the sender said about a file: a JSON object of texts, as it is told again; null: nothing.
alter table file add column metadata text;
