-- What is reserved for a refund and what has been refunded are two sums: a request may be declined, and a refund refused.
-- Until now `refunded_fen` was both together.
alter table payment_attempts add column reserved_fen bigint not null default 0;
alter table order_lines add column reserved_fen bigint not null default 0;
alter table unmatched_payments add column reserved_fen bigint not null default 0;

alter table payment_attempts drop constraint never_more_than_paid;
alter table order_lines drop constraint never_more_than_its_price;
alter table unmatched_payments drop constraint never_more_than_came;

-- Both are added up from the refunds, since the old sum may have been wrong; more than came stays on "Money health".
update payment_attempts a set refunded_fen = least(made, a.amount_fen), reserved_fen = least(open, a.amount_fen - least(made, a.amount_fen))
from (select a.id, coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as made,
        coalesce(sum(r.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0)::bigint as open
      from payment_attempts a left join refunds r on r.attempt_id = a.id where a.refunded_fen > 0 or r.id is not null group by a.id) sums
where sums.id = a.id;

update unmatched_payments u set refunded_fen = least(made, u.amount_fen), reserved_fen = least(open, u.amount_fen - least(made, u.amount_fen))
from (select u.id, coalesce(sum(r.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as made,
        coalesce(sum(r.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0)::bigint as open
      from unmatched_payments u left join refunds r on r.unmatched_id = u.id where u.refunded_fen > 0 or r.id is not null group by u.id) sums
where sums.id = u.id;

update order_lines l set refunded_fen = least(made, l.price_fen), reserved_fen = least(open, l.price_fen - least(made, l.price_fen))
from (select l.order_id, l.course_id, coalesce(sum(back.amount_fen) filter (where r.status = 'succeeded'), 0)::bigint as made,
        coalesce(sum(back.amount_fen) filter (where r.status in ('requested', 'approved', 'sent')), 0)::bigint as open
      from order_lines l left join refund_lines back on back.order_id = l.order_id and back.course_id = l.course_id
        left join refunds r on r.id = back.refund_id
      where l.refunded_fen > 0 or r.id is not null group by l.order_id, l.course_id) sums
where sums.order_id = l.order_id and sums.course_id = l.course_id;

alter table payment_attempts
  add constraint never_more_than_paid check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= amount_fen);
alter table order_lines
  add constraint never_more_than_its_price check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= price_fen);
alter table unmatched_payments
  add constraint never_more_than_came check (reserved_fen >= 0 and refunded_fen >= 0 and reserved_fen + refunded_fen <= amount_fen);

-- A node of the version before, still running while the others are upgraded, reserves and releases in `refunded_fen`, and
-- changes no other column; this version always changes `reserved_fen` too. A refund that such a node completes is refused
-- by migration 0061, and completed by a node of this version.
create function reserve_in_its_own_column() returns trigger language plpgsql as $$
begin
  new.reserved_fen := old.reserved_fen + new.refunded_fen - old.refunded_fen;
  new.refunded_fen := old.refunded_fen;
  return new;
end $$;
create trigger reserved_by_the_version_before before update of refunded_fen on payment_attempts for each row
  when (new.reserved_fen = old.reserved_fen and new.refunded_fen <> old.refunded_fen)
  execute function reserve_in_its_own_column();
create trigger reserved_by_the_version_before before update of refunded_fen on order_lines for each row
  when (new.reserved_fen = old.reserved_fen and new.refunded_fen <> old.refunded_fen)
  execute function reserve_in_its_own_column();
create trigger reserved_by_the_version_before before update of refunded_fen on unmatched_payments for each row
  when (new.reserved_fen = old.reserved_fen and new.refunded_fen <> old.refunded_fen)
  execute function reserve_in_its_own_column();
