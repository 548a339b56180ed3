-- Why something happened is data: a code from a closed list and the facts that it names (`orders/reasons.ts`). `reason` keeps what
-- a person or a gateway wrote, as it is. The columns have no default: nothing is rewritten, and the locks are short. They are
-- taken in the order in which the shop writes these tables.

-- Beside the words that the gateway was given: it refuses a repeat with others.
alter table refunds add column reason_code text;

alter table order_history
  add column reason_code text,
  add column details jsonb;

-- Why a payment that was reported is listed as unmatched.
alter table notifications add column reason_code text;
alter table notification_handlings add column reason_code text;
