-- Who of the staff did what. Nobody edits this log, the shop's own database user included.

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  user_id bigint references users,
  username text not null,
  role text not null,
  address text not null,
  action text not null,
  -- What it was done to, as the pages address it: "orders/0199…", "users/12".
  subject text not null,
  before jsonb,
  after jsonb,
  note text not null default ''
);
create index audit_log_of_subject on audit_log (subject, id desc);
create index audit_log_of_user on audit_log (user_id, id desc);

create function refuse_change() returns trigger language plpgsql as
  $$ begin raise exception '% is written once and never changed', tg_table_name; end $$;
create trigger audit_log_is_final before update or delete on audit_log for each row execute function refuse_change();
create trigger audit_log_stays before truncate on audit_log execute function refuse_change();

-- An order's history tells of its attempts, refunds and access as well, and which person it was.
alter table order_history
  add column subject text not null default 'order' check (subject in ('order', 'attempt', 'refund', 'access')),
  -- The attempt's or the refund's number, or the course.
  add column number text,
  add column user_id bigint references users;
