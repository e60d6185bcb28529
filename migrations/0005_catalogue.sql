-- Any model and any output: the catalogue says what a model takes, makes and costs; a generation remembers what it was
-- when it was asked for; an output may be a film, a sound, a text or a document.

alter table model add column task text not null default 'image'
  check (task in ('image', 'edit', 'upscale', 'video', 'audio', 'text', 'data'));
-- What one unit of the price is: the run, an output, a second of output.
alter table model add column price_rule text not null default 'output' check (price_rule in ('run', 'output', 'second'));
alter table model add column max_seconds bigint not null default 0;    -- the most seconds that are held, for 'second'
alter table model add column schemas text not null default '{}';       -- JSON, components.schemas of its version
alter table model add column official bigint not null default 0;       -- 1: run by its name, whatever version that is now
alter table model add column newest_version text;                      -- as Replicate last said; another than the pinned one
alter table model add column cover_url text;
alter table model add column license_url text;
alter table model add column label_ja text;
alter table model add column description_ja text;
alter table model add column maxima text not null default '{}';        -- JSON, property → the most that may be asked for here
alter table model add column stocked_at bigint;                        -- when the default set put it in; null: never
alter table model add column endpoint text;                            -- a Cog server that runs it instead of Replicate

update model set schemas = '{"Input":' || input_schema || ',"Output":{"type":"array","items":{"type":"string","format":"uri"}}}';
update model set official = 1 where version is null;
alter table model drop column input_schema;

alter table generation add column price_rule text not null default 'output' check (price_rule in ('run', 'output', 'second'));
alter table generation add column output_kind text not null default 'files' check (output_kind in ('files', 'text', 'data'));
alter table generation add column output_shape text;                   -- JSON, the prediction's output with a mark for each kept file
alter table generation add column output_text text;                    -- what is written so far, of a model that writes

alter table output add column duration_ms bigint;                      -- of films and sounds, where the file tells
