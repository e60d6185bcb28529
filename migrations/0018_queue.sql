-- The whole queue in its order: who is next is found at its head, however long it is.

create index generation_queue on generation (priority desc, created_at, id) where state = 'queued';
