-- Numbers of a refund that its gateway has closed: in a bill they are refunds that never happened.
alter table refunds add column spent_numbers text[] not null default '{}';
with recursive chain (refund_id, number, steps) as (
  select id, request_no, 0 from refunds where tries > 0 or accepted_at is not null or number_spent
  union all
  select chain.refund_id, substring(history.reason from 9), steps + 1
    from chain join order_history history on history.subject = 'refund' and history.number = chain.number
      and history.event = 'sendAgain' and history.from_status is null and history.reason like 'before: %'
)
update refunds set spent_numbers = spent.numbers
  from (select refund_id, array_agg(number order by steps desc) as numbers from chain where steps > 0 group by 1) as spent
  where spent.refund_id = refunds.id;
create index refunds_with_spent_numbers on refunds (id) where spent_numbers <> '{}';

-- A refund that was made by hand has its gateway's number, which may be unique within its trade only.
alter table refunds drop constraint refunds_request_no_key;
create unique index refunds_once_a_payment on refunds (request_no, coalesce(attempt_id, 0), coalesce(unmatched_id, 0));

-- What a run is at while it runs, and of how many lines.
alter table reconciliations
  add column stage text check (stage in ('bill', 'books')),
  add column lines integer;

-- The gateway was asked, and its answer explains the difference.
alter table reconciliation_differences drop constraint reconciliation_differences_repair_check;
alter table reconciliation_differences add constraint reconciliation_differences_repair_check
  check (repair in ('settle', 'refund', 'record', 'ask', 'seen'));

-- What money health looks for.
create index reconciliations_undone on reconciliations (day) where status <> 'done';
