-- Each later handling of a notification, by staff or from the command line. What came stays as it came.

create table notification_handlings (
  id bigint generated always as identity primary key,
  notification_id bigint not null references notifications,
  at timestamptz not null,
  -- Who: a username, or "command line".
  by_whom text not null,
  checks jsonb not null,
  effect text not null,
  accepted boolean not null
);
create index notification_handlings_of on notification_handlings (notification_id, id);

create index notifications_refused on notifications (id) where not accepted;
create index notifications_of_trade on notifications (trade_no) where trade_no is not null;

-- What money health looks for, however many orders there are.
create index enrolments_of_orders on enrolments (order_id) where revoked_at is null and order_id is not null;
create index refunds_of_attempt on refunds (attempt_id);

-- Making an account is done once a key as well, by somebody who has none yet: user 0.
alter table idempotency_keys drop constraint idempotency_keys_user_id_fkey;
