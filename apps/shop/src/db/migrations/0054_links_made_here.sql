-- A link that the shop signs itself is not stored, but its end is: an attempt without one has no link yet.
alter table payment_attempts
  drop constraint a_link_has_an_end,
  add constraint a_link_has_an_end check (link is null or link_until is not null);

-- Open attempts whose link was signed when they were opened: a link that is requested leaves a claim or an end.
update payment_attempts set link_until = orders.expires_at
from orders
where orders.id = payment_attempts.order_id and payment_attempts.status = 'open' and link_until is null
  and link_claimed_until is null and payment_attempts.provider = 'alipay';
