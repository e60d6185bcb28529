-- What every page of a person says of everything they have: how many pictures, and what is not over yet. Both are read from
-- an index alone, however much there is.
create index generation_kept on generation (owner_id, id) where state = 'succeeded' and trashed_at is null;
create index generation_open on generation (owner_id) where state not in ('succeeded', 'failed', 'canceled');
