-- The gateway's own time of a refund, by which its bill lists it; `finished_at` is when we recorded it. Of older refunds
-- we know the bill's day at best.
alter table refunds add column made_at timestamptz;

update refunds set made_at = case
    when billed_on is not null and billed_on <> to_char(finished_at at time zone 'Asia/Shanghai', 'YYYY-MM-DD')
      then (billed_on::timestamp + interval '12 hours') at time zone 'Asia/Shanghai'
    else finished_at end
where status = 'succeeded';

alter table refunds add constraint made_at_a_time check (status <> 'succeeded' or made_at is not null);
create index refunds_made_at on refunds (made_at) where status = 'succeeded';
-- The dashboard reads payments by the gateway's time.
create index order_payments_paid_at on order_payments using brin (paid_at);

-- The dashboard's days go by the gateway's time from now on: all are added up again, also those that a node of the version
-- before still adds up by ours (`counted_as` 1).
alter table sales_days add column counted_as smallint not null default 1;
