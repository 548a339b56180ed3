-- A list of courses is read in the order of an index, and not sorted from all courses for each page of it.

-- How many learn it, as a job counts now and then: what "popular" sorts by.
alter table courses add column learners integer not null default 0;
update courses set learners = counted.learners
  from (select course_id, count(*) as learners from enrolments group by course_id) counted where counted.course_id = courses.id;

drop index courses_newest;
-- The same expressions as in catalog/courses.ts. At a named zone, since only that is the same for every session.
create index courses_by_newest on courses
  (((-extract(epoch from published_at at time zone 'UTC') * 1000)::bigint), id) where status = 'published';
create index courses_by_price on courses (price_fen, id) where status = 'published';
create index courses_by_price_down on courses ((-price_fen), id) where status = 'published';
create index courses_by_learners on courses ((-learners), id) where status = 'published';
