-- Counters of wrong passwords and codes, by rules that make guesses cost the guesser: apps/shop/src/auth/guess-rules.ts.
delete from login_failures;
alter table login_failures
  alter column failures type double precision,
  add column failed_at timestamptz[] not null default '{}',
  add column blocked_until timestamptz,
  -- Attempts that are being checked: each id with the time from which it no longer counts.
  add column reserved jsonb not null default '{}';

-- One-time codes that the command line makes for a login on a new device; one an account, kept as a hash.
create table login_codes (
  user_id bigint primary key references users,
  code_hash text not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
