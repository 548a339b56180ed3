-- The order that took an expired order's late payment, so that its buyer is led there.
alter table orders add column replaced_by bigint references orders;
