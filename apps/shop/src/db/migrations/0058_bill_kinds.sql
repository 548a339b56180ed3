-- What a bill lists twice, and what belongs to another application of the same merchant.
alter table reconciliation_differences drop constraint reconciliation_differences_kind_check;
alter table reconciliation_differences add constraint reconciliation_differences_kind_check check (kind in (
  'PAID_THERE_UNPAID_HERE', 'PAID_HERE_UNPAID_THERE', 'AMOUNT_DIFFERS', 'UNKNOWN_TRADE', 'ANOTHER_APPLICATION',
  'REFUND_MISSING_HERE', 'REFUND_MISSING_THERE', 'REFUND_AMOUNT_DIFFERS', 'BILLED_TWICE', 'FEE_DIFFERS'));
