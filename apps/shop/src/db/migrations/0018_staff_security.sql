-- How the staff's accounts are kept: a first password that must be changed, when a session was last seen, a second factor.

-- A password that somebody else made up: until it is changed, its sessions may do nothing but change it.
alter table users add column password_due boolean not null default false;

-- Written at most once in ten minutes a session, for staff only.
alter table sessions add column seen_at timestamptz;

create table second_factors (
  user_id bigint primary key references users,
  -- The shared secret, sealed for this user: without the shop's own secret this row makes no code.
  sealed_secret text not null,
  begun_at timestamptz not null,
  -- Set by the first right code; until then the login does not ask for one.
  confirmed_at timestamptz,
  -- The 30 seconds whose code was used last: no code is good twice, nor one before it.
  last_step bigint not null default 0
);

create table recovery_codes (
  user_id bigint not null references users,
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);
