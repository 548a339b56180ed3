-- What happened to each account: logins and refusals, from where. Older ones are pruned; an account keeps a bounded number.
create table security_events (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  at timestamptz not null,
  event text not null,
  outcome text not null check (outcome in ('ok', 'asked', 'refused')),
  -- The code of a refusal.
  reason text not null default '',
  address text not null default '',
  user_agent text not null default '',
  -- Who of the staff did it to this account; null for the account itself, for a guesser, and for the command line.
  by_user_id bigint,
  -- More than one where the same came so often that only its number was kept.
  times integer not null default 1
);
create index security_events_of_user on security_events (user_id, id desc);
create index security_events_by_time on security_events (at);
