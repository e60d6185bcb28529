-- Wrong passwords, counted for each door they were tried at, so that whoever guesses has to wait: in every process, and past
-- a restart.

create table guess (
  name       text   primary key not null,         -- SHA-256 of the door: what was typed at it is nobody's business
  wrong      bigint not null,                     -- in a row
  held_until bigint not null,                     -- nothing is tried before
  forget_at  bigint not null                      -- from then on it is as if nobody had tried
);
create index guess_forgotten on guess (forget_at);
