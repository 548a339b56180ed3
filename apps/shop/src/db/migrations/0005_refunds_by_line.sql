-- Refunds of an order's lines, asked for by buyer or staff, and of payments that belong to no order.

alter table order_lines
  add column refunded_fen bigint not null default 0,
  add constraint never_more_than_its_price check (refunded_fen between 0 and price_fen);

create table refund_lines (
  refund_id bigint not null references refunds,
  order_id bigint not null,
  course_id integer not null,
  -- 0 for a line that cost nothing and goes with the rest of its order.
  amount_fen bigint not null check (amount_fen >= 0),
  primary key (refund_id, course_id),
  foreign key (order_id, course_id) references order_lines (order_id, course_id)
);
create index refund_lines_of_order on refund_lines (order_id);

insert into refund_lines (refund_id, order_id, course_id, amount_fen)
  select id, order_id, course_id, amount_fen from refunds where course_id is not null;
update order_lines set refunded_fen = booked.amount
  from (select order_id, course_id, sum(amount_fen) as amount from refunds
        where course_id is not null and status <> 'refused' group by 1, 2) as booked
  where booked.order_id = order_lines.order_id and booked.course_id = order_lines.course_id;

drop index refunds_once_a_line;
drop index refunds_unfinished;
alter table refunds drop column course_id;
alter table refunds drop constraint refunds_status_check;
alter table refunds drop constraint refunds_check;
alter table refunds alter column status drop default;
update refunds set status = 'approved' where status = 'requested';
alter table refunds
  alter column order_id drop not null,
  alter column attempt_id drop not null,
  add column unmatched_id bigint references unmatched_payments,
  add column requested_by text not null default 'shop' check (requested_by in ('buyer', 'staff', 'shop')),
  add column user_id bigint references users,
  add column decided_by bigint references users,
  add column decided_at timestamptz,
  -- What staff say to the buyer, where they declined.
  add column answer text not null default '',
  add constraint refunds_status check
    (status in ('requested', 'approved', 'sent', 'succeeded', 'refused', 'declined', 'withdrawn')),
  add constraint refunds_finished
    check ((status in ('succeeded', 'refused', 'declined', 'withdrawn')) = (finished_at is not null)),
  add constraint refunds_of_one_payment check (num_nonnulls(attempt_id, unmatched_id) = 1);
alter table refunds alter column requested_by drop default;
create index refunds_unfinished on refunds (requested_at) where status in ('approved', 'sent');
create index refunds_to_decide on refunds (id) where status = 'requested';
create index refunds_newest on refunds (status, id desc);

-- Money that belongs to no attempt of ours can go back as well; never more of it than came.
alter table unmatched_payments
  add column refunded_fen bigint not null default 0,
  add column refund_claimed_until timestamptz,
  add column resolution text check (resolution in ('refunded', 'seen')),
  add column resolved_by bigint references users,
  add column note text not null default '',
  add constraint never_more_than_came check (refunded_fen between 0 and amount_fen);
update unmatched_payments set resolution = 'refunded' where resolved_at is not null;
alter table unmatched_payments
  add constraint unmatched_resolved check ((resolved_at is null) = (resolution is null));
create index unmatched_payments_open on unmatched_payments (id) where resolved_at is null;
create index unmatched_payments_of_refund on unmatched_payments (refund_id) where refund_id is not null;
