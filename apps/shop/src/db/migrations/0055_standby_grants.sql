-- A grant of an import for somebody who has the course by an order: it gives access once a refund of the order ends that.
alter table enrolments
  add column standby boolean not null default false,
  add constraint standby_gives_no_access check (not standby or revoked_at is not null);
create unique index enrolments_standby on enrolments (user_id, course_id) where standby;
