-- An order that was paid through the link of another method than the last one chosen kept the one that was chosen.
update orders o set pay_type = a.provider
from order_payments p join payment_attempts a on a.id = p.attempt_id
where p.order_id = o.id and o.pay_type <> a.provider;
