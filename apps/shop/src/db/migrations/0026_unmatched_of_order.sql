-- The order's page shows the money that came for it and that it does not need.
create index unmatched_payments_of_order on unmatched_payments (order_id) where order_id is not null;
