-- Courses are written in the back office: versions tell of edits that crossed, positions can change places in one statement.

alter table courses add column version integer not null default 1;
-- The name of an uploaded picture that takes the drawn cover's place.
alter table courses add column cover text;
alter table lessons add column version integer not null default 1;
alter table teachers add column position integer not null default 0;

alter table chapters drop constraint chapters_course_id_position_key;
alter table chapters add unique (course_id, position) deferrable initially immediate;
alter table lessons drop constraint lessons_course_id_position_key;
alter table lessons add unique (course_id, position) deferrable initially immediate;

-- Files under DATA_DIR/uploads, named by the SHA-256 of what is in them.
create table uploads (
  name text primary key check (name ~ '^[0-9a-f]{64}\.(png|jpg|gif|webp|mp4|webm)$'),
  bytes bigint not null check (bytes > 0),
  -- When it was uploaded last: what nothing refers to is removed some days later.
  uploaded_at timestamptz not null
);
