-- Orders as files for spreadsheets, written piece by piece by a job that may be killed at any piece. A piece and the row that
-- counts it are one transaction, so no row is there twice; and whichever machine wrote it, every machine can hand it out.
create table exports (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  -- What was searched for, as the page said it.
  search jsonb not null,
  made_at timestamptz not null,
  status text not null default 'running' check (status in ('running', 'done', 'cancelled', 'failed', 'expired')),
  -- Between these two stand the orders that are looked at, newest first: once to count them, once more to write them.
  first_id bigint not null,
  last_id bigint not null,
  -- Every order above this one has been counted or, once all are, written.
  next_id bigint not null,
  is_counted boolean not null default false,
  total integer not null default 0,
  rows_written integer not null default 0,
  bytes bigint not null default 0,
  -- When the job last moved, how many steps it made, and how often the step that is due has failed.
  moved_at timestamptz not null,
  steps integer not null default 0,
  failures integer not null default 0,
  ended_at timestamptz
);
-- One at a time for each of the staff.
create unique index exports_running on exports (user_id) where status = 'running';
create index exports_of_user on exports (user_id, id desc);

create table export_pieces (
  export_id bigint not null references exports on delete cascade,
  step integer not null,
  body text not null,
  primary key (export_id, step)
);
