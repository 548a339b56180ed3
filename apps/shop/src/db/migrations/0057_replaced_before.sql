-- A file of its own: it reads the whole history once, and locks only the rows of orders that were replaced.
update orders set replaced_by = taking.id
from order_history moved join orders taking on taking.order_no = moved.details ->> 'orderNo'
where moved.order_id = orders.id and moved.subject = 'order' and moved.reason_code = 'LATE_PAYMENT_MOVED_TO'
  and orders.replaced_by is null;
