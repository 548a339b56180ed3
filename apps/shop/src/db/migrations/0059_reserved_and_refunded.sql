-- What is reserved for a refund and what has been refunded are two sums: a request may be declined, and a refund refused.
-- Until now `refunded_fen` was both together.
alter table payment_attempts add column reserved_fen bigint not null default 0;
alter table order_lines add column reserved_fen bigint not null default 0;
alter table unmatched_payments add column reserved_fen bigint not null default 0;

alter table payment_attempts drop constraint never_more_than_paid;
alter table order_lines drop constraint never_more_than_its_price;
alter table unmatched_payments drop constraint never_more_than_came;

update payment_attempts a set reserved_fen = refunded_fen - made.fen, refunded_fen = made.fen
from (select a.id, coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as fen
      from payment_attempts a left join refunds r on r.attempt_id = a.id where a.refunded_fen > 0 group by a.id) made
where made.id = a.id;

update unmatched_payments u set reserved_fen = refunded_fen - made.fen, refunded_fen = made.fen
from (select u.id, coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as fen
      from unmatched_payments u left join refunds r on r.unmatched_id = u.id where u.refunded_fen > 0 group by u.id) made
where made.id = u.id;

update order_lines l set reserved_fen = refunded_fen - made.fen, refunded_fen = made.fen
from (select l.order_id, l.course_id, coalesce(sum(back.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as fen
      from order_lines l left join refund_lines back on back.order_id = l.order_id and back.course_id = l.course_id
        left join refunds r on r.id = back.refund_id
      where l.refunded_fen > 0 group by l.order_id, l.course_id) made
where made.order_id = l.order_id and made.course_id = l.course_id;

alter table payment_attempts
  add constraint never_more_than_paid check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= amount_fen);
alter table order_lines
  add constraint never_more_than_its_price check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= price_fen);
alter table unmatched_payments
  add constraint never_more_than_came check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= amount_fen);
