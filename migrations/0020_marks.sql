-- How often a person has marked, thrown away, taken back or collected anything: an open gallery with a lower number is behind.
alter table person add column marks bigint not null default 0;
