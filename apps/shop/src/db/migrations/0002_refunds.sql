-- Money that goes back. A refund's number is stored before the gateway is called, and the sum is guarded here.

alter table payment_attempts
  add column refunded_fen bigint not null default 0,
  add constraint never_more_than_paid check (refunded_fen between 0 and amount_fen);

create table refunds (
  id bigint generated always as identity primary key,
  request_no text not null unique check (request_no ~ '^[0-9a-z]{32}$'),
  order_id bigint not null references orders,
  attempt_id bigint not null references payment_attempts,
  -- The line that is paid back; null for the whole of a payment that its order did not need.
  course_id integer references courses,
  amount_fen bigint not null check (amount_fen > 0),
  status text not null default 'requested' check (status in ('requested', 'sent', 'succeeded', 'refused')),
  reason text not null,
  requested_at timestamptz not null,
  sent_at timestamptz,
  finished_at timestamptz,
  -- What the gateway said when it refused.
  refusal text,
  tries integer not null default 0,
  check ((status in ('succeeded', 'refused')) = (finished_at is not null))
);
create index refunds_of_order on refunds (order_id);
create index refunds_unfinished on refunds (requested_at) where status in ('requested', 'sent');
create unique index refunds_once_a_line on refunds (attempt_id, coalesce(course_id, 0)) where status <> 'refused';

alter table unmatched_payments add column refund_id bigint references refunds;
