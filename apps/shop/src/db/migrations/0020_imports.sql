-- Students who come as a file: examined when it is uploaded, worked off row by row by a job that may be killed at any row.
create table imports (
  id bigint generated always as identity primary key,
  file_name text not null,
  uploaded_by bigint not null references users,
  uploaded_at timestamptz not null,
  status text not null check (status in ('checked', 'running', 'done', 'cancelled')),
  -- What the examination said: the first of its problems, how many there are, and what would happen.
  problems jsonb not null,
  problem_count integer not null,
  row_count integer not null,
  new_accounts integer not null,
  new_grants integer not null,
  started_at timestamptz,
  ended_at timestamptz,
  -- When the job last moved, and how many steps it made: a step that was made already is not made again.
  moved_at timestamptz,
  steps integer not null default 0,
  -- One-time passwords leave once, with this.
  passwords_taken_at timestamptz
);
create index imports_running on imports (id) where status = 'running';

create table import_rows (
  import_id bigint not null references imports,
  -- The line in the file, which is how people find it.
  line integer not null,
  username text not null,
  display_name text not null,
  course_id integer not null references courses,
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
  account_made boolean not null default false,
  granted boolean not null default false,
  problem text,
  -- Of an account that this row made, until it is downloaded.
  sealed_password text,
  primary key (import_id, line)
);
create index import_rows_waiting on import_rows (import_id, line) where state = 'waiting';

-- Which import gave it.
alter table enrolments add column import_id bigint references imports;
