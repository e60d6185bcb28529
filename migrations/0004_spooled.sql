-- An output that is whole in the spool of a node and waits for the object store. While such a row is there, a node that does
-- not have the file leaves the generation alone instead of calling the output lost.
create table spooled (
  generation_id text   not null references generation (id),
  place         bigint not null,                  -- among the outputs, from 0
  node          text   not null,                  -- the name of the spool, which outlives its processes
  at            bigint not null,
  primary key (generation_id, place, node)
);
