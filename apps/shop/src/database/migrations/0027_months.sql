-- What grows with every payment and is looked at for a while only, the inbox and the orders' history, stands in one
-- partition a month (of Beijing's calendar), which can be archived and dropped. Rows that are there already stay where they
-- are: their table becomes the partition of everything up to the end of this month. What no month takes goes into the
-- partition `…_other`, so that an insert never fails for want of one.

create function months_of(grown regclass) returns text language sql immutable as
  $$ select case grown::text when 'notifications' then 'received_at' when 'order_history' then 'at' end $$;

-- Whether the partition of a month was made; false where that month has one. Rows of it that stand in `…_other` move in.
create function add_month(grown regclass, month date) returns boolean language plpgsql as $$
declare
  part text := grown::text || to_char(month, '_YYYY_MM');
  from_at timestamptz := date_trunc('month', month::timestamp) at time zone 'Asia/Shanghai';
  to_at timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'Asia/Shanghai';
begin
  if to_regclass(part) is not null or exists (
    select from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = grown and relname ~ '_before_\d{4}_\d\d$' and month < to_date(right(relname, 7), 'YYYY_MM')
  ) then
    return false;
  end if;
  -- Nobody waits long for this: where a long transaction holds the table, the next run tries again.
  set local lock_timeout = '3s';
  execute format('create table %I (like %s including defaults including constraints including storage)', part, grown);
  execute format('with moved as (delete from %1$I where %2$I >= %3$L and %2$I < %4$L returning *) insert into %5$I select * from moved',
    grown::text || '_other', months_of(grown), from_at, to_at, part);
  execute format('alter table %s attach partition %I for values from (%L) to (%L)', grown, part, from_at, to_at);
  return true;
end $$;

-- Partitions for this month and as many after it, and for whatever stands in `…_other`. @returns how many were made
create function keep_months(today date, ahead integer) returns integer language plpgsql as $$
declare
  made integer := 0;
  grown text;
  month date;
begin
  foreach grown in array array['notifications', 'order_history'] loop
    for month in execute format(
      $q$ select (date_trunc('month', %L::date) + n * interval '1 month')::date from generate_series(0, %s) n
          union select date_trunc('month', %I at time zone 'Asia/Shanghai')::date from %I $q$,
      today, ahead, months_of(grown::regclass), grown || '_other')
    loop
      made := made + add_month(grown::regclass, month)::integer;
    end loop;
  end loop;
  return made;
end $$;

-- A later handling names its notification without a foreign key: it would stand in the way of a row that moves to its month.
-- Notifications are never deleted one by one, and the handling reads its own first.
alter table notification_handlings drop constraint notification_handlings_notification_id_fkey;

do $$
declare
  grown text;
  key text;
  last_id bigint;
  until_month timestamp;
  filled boolean;
begin
  foreach grown in array array['notifications', 'order_history'] loop
    key := months_of(grown::regclass);
    execute format('select max(id), exists (select from %1$I), date_trunc(''month'', greatest(max(%2$I), now()) at time zone ''Asia/Shanghai'')
      + interval ''1 month'' from %1$I', grown, key) into last_id, filled, until_month;
    execute format('alter table %I rename to %I', grown, grown || '_old');
    execute format('alter table %I alter column id drop identity', grown || '_old');
    execute format('alter table %I drop constraint %I', grown || '_old', grown || '_pkey');
    execute format('create table %I (like %I including defaults including constraints including storage) partition by range (%I)',
      grown, grown || '_old', key);
    execute format('alter table %I alter column id add generated always as identity', grown);
    if last_id is not null then perform setval(pg_get_serial_sequence(grown, 'id'), last_id); end if;
    if filled then
      execute format('alter table %I rename to %I', grown || '_old', grown || to_char(until_month, '_before_YYYY_MM'));
      execute format('alter table %I attach partition %I for values from (minvalue) to (%L)',
        grown, grown || to_char(until_month, '_before_YYYY_MM'), until_month at time zone 'Asia/Shanghai');
    else
      execute format('drop table %I', grown || '_old');
    end if;
    execute format('create table %1$I partition of %2$I default', grown || '_other', grown);
  end loop;
end $$;

alter table notifications add primary key (id, received_at);
create index notifications_by_attempt on notifications (attempt_no) where attempt_no is not null;
create index notifications_by_trade on notifications (trade_no) where trade_no is not null;
create index notifications_by_refusal on notifications (id) where not accepted;

-- One index for what were two: history is read by its order.
alter table order_history add primary key (order_id, id, at),
  add foreign key (order_id) references orders,
  add foreign key (user_id) references users;

select keep_months((now() at time zone 'Asia/Shanghai')::date, 3);
