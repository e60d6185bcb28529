-- Sessions that were begun before it was written down whose they are: their record says so. From here on they are listed
-- to their owner like the others, and can be ended.
update session
set person_id = (select p.id from person p where session.data like '%"user_id":"' || p.id || '"%')
where person_id is null and data like '%"user_id":"%';
