-- Each day's bill beside our books, and what differed.

create table reconciliations (
  provider text not null,
  -- A Beijing day.
  day text not null check (day ~ '^\d{4}-\d{2}-\d{2}$'),
  status text not null check (status in ('waiting', 'running', 'done', 'failed')),
  requested_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  -- One run at a time; one that was killed is waited for this long.
  running_until timestamptz,
  runs integer not null default 0,
  trades integer,
  trades_fen bigint,
  refunds integer,
  refunds_fen bigint,
  fees_fen bigint,
  problem text,
  primary key (provider, day)
);

create table reconciliation_differences (
  id bigint generated always as identity primary key,
  provider text not null,
  day text not null,
  kind text not null check (kind in (
    'PAID_THERE_UNPAID_HERE', 'PAID_HERE_UNPAID_THERE', 'AMOUNT_DIFFERS', 'UNKNOWN_TRADE',
    'REFUND_MISSING_HERE', 'REFUND_MISSING_THERE', 'REFUND_AMOUNT_DIFFERS', 'FEE_DIFFERS')),
  trade_no text not null default '',
  attempt_no text not null default '',
  request_no text not null default '',
  order_id bigint references orders,
  ours_fen bigint,
  theirs_fen bigint,
  found_at timestamptz not null,
  -- When a later run no longer found it.
  gone_at timestamptz,
  repair text check (repair in ('settle', 'refund', 'record', 'seen')),
  repaired_at timestamptz,
  repaired_by bigint references users,
  note text not null default '',
  check ((repair is null) = (repaired_at is null)),
  foreign key (provider, day) references reconciliations,
  -- A difference is the same one in every run, so that a run again finds it with its repair.
  unique (provider, day, kind, trade_no, attempt_no, request_no)
);
create index reconciliation_differences_open on reconciliation_differences (id)
  where gone_at is null and repaired_at is null;

-- On which day's bill a payment and a refund stood: our clock may put them on the other side of a midnight.
alter table payment_attempts add column billed_on text;
alter table refunds add column billed_on text;
create index payment_attempts_paid_at on payment_attempts (paid_at) where paid_at is not null;
create index refunds_finished_at on refunds (finished_at) where status = 'succeeded';

alter table order_history drop constraint order_history_subject_check;
alter table order_history add constraint order_history_subject_check
  check (subject in ('order', 'attempt', 'refund', 'access', 'reconciliation'));

-- A refund that was made by hand at the gateway keeps the number it was given there.
alter table refunds drop constraint refunds_request_no_check;
alter table refunds add constraint refunds_request_no_check check (length(request_no) between 1 and 64);
