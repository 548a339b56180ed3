-- A payment of one fen by the staff, through the real gateway, that proves keys, notification, query and refund. Its money
-- is booked like all money that belongs to no order, and goes back by itself.
create table trial_payments (
  id bigint generated always as identity primary key,
  attempt_no text not null unique,
  provider text not null,
  channel text not null,
  amount_fen bigint not null check (amount_fen > 0),
  started_by bigint not null references users,
  started_at timestamptz not null,
  expires_at timestamptz not null,
  -- Where to pay: signed at once, or ordered from the gateway soon after.
  link jsonb,
  link_at timestamptz,
  -- What came, and how we learned of it first.
  trade_no text,
  unmatched_id bigint references unmatched_payments,
  seen_at timestamptz,
  seen_by text check (seen_by in ('notification', 'query')),
  -- The gateway's last answer, and when it said the same as what came.
  asked_at timestamptz,
  answer text,
  agreed_at timestamptz,
  -- The refund, asked about once more after it had succeeded.
  confirmed_at timestamptz,
  -- Ended without having been paid.
  closed_at timestamptz,
  constraint trial_payments_seen check ((seen_at is null) = (trade_no is null) and (seen_at is null) = (unmatched_id is null))
);
create index trial_payments_open on trial_payments (id) where confirmed_at is null and closed_at is null;
