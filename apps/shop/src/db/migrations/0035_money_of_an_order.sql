-- A payment that was on the list for another amount than its order's, and then settled that order after all: nothing of it
-- is left for staff to do.
alter table unmatched_payments drop constraint unmatched_payments_resolution_check;
alter table unmatched_payments add constraint unmatched_payments_resolution_check
  check (resolution in ('refunded', 'seen', 'settled'));
update unmatched_payments u set resolution = 'settled', resolved_at = now()
from payment_attempts a join order_payments p on p.attempt_id = a.id
where a.provider = u.provider and a.trade_no = u.trade_no
  and u.reason = 'AMOUNT_DIFFERS' and u.resolved_at is null and u.refund_id is null;
