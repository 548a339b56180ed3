-- An attempt that was closed here is looked at once more after its link has ended: a link that nobody had opened could not
-- be closed at the gateway. And one sender at a time for the refunds of a payment.
drop index payment_attempts_to_ask;
create index payment_attempts_to_ask on payment_attempts (ask_at) where ask_at is not null;
alter table payment_attempts add column refund_claimed_until timestamptz;
