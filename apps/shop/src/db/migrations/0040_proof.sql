-- A session alone must not change where the money goes: what it takes to be asked again, and who hears of it.

-- When this session last showed its password, and the second factor where there is one. Null: it has to show them first.
alter table sessions add column proved_at timestamptz;

-- One row, there from the start.
create table security_settings (
  one boolean primary key default true check (one),
  -- Staff refund more than this only with a fresh proof.
  refund_limit_fen bigint not null default 100000 check (refund_limit_fen >= 0),
  -- Staff of these roles have a second factor, or set one up before anything else.
  factor_roles text[] not null default '{}'
    check (factor_roles <@ array['owner', 'finance', 'support', 'editor']),
  changed_at timestamptz not null default now()
);
insert into security_settings default values;

-- Entries that every other owner is notified of, and up to which entry an owner has taken note.
alter table audit_log add column sensitive boolean not null default false;
create index audit_log_sensitive on audit_log (id) where sensitive;
alter table users add column audit_seen_id bigint not null default 0;

-- What one of the staff has sent back since a moment.
create index refunds_made_by on refunds (user_id, requested_at) where requested_by = 'staff';
create index refunds_decided_by on refunds (decided_by, decided_at) where decided_by is not null;
