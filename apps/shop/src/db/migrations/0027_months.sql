-- What grows with every payment and is looked at for a while only, the inbox and the orders' history, stands in one
-- partition a month (of Beijing's calendar), which can be archived and dropped. Rows that are there already stay where they
-- are: their table becomes the partition of everything up to the end of this month. What no month takes goes into the
-- partition `…_other`, so that an insert never fails for want of one.

-- The shop may run meanwhile. Whoever changes an order takes its row first, and a payment writes history before its
-- notification: so everybody ends before us or waits for us with empty hands. `migrate` sets the limit of each wait and
-- tries again. Only from here on does what is read of these tables stay true.
lock table orders in exclusive mode;
lock table users in share row exclusive mode;
lock table order_history, notification_handlings, notifications in access exclusive mode;

create function months_of(grown regclass) returns text language sql immutable as
  $$ select case grown::text when 'notifications' then 'received_at' when 'order_history' then 'at' end $$;

-- Whether rows of that month have a partition other than `…_other`.
create function has_month(grown regclass, month date) returns boolean language sql stable as $$
  select exists (
    select from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = grown and (relname = grown::text || to_char(month, '_YYYY_MM')
      or relname ~ '_before_\d{4}_\d\d$' and month < to_date(right(relname, 7), 'YYYY_MM')))
$$;

-- Makes the partition of a month; rows of it that stand in `…_other` move in. Who writes meanwhile waits, and finds the
-- month. Call it in a transaction that does nothing else: orders are held until its end.
-- @returns false where that month has one
create function add_month(grown regclass, month date) returns boolean language plpgsql as $$
declare
  part text := grown::text || to_char(month, '_YYYY_MM');
  other text := grown::text || '_other';
  from_at timestamptz := date_trunc('month', month::timestamp) at time zone 'Asia/Shanghai';
  to_at timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'Asia/Shanghai';
begin
  if has_month(grown, month) then return false; end if;
  -- Where a long transaction holds a table, nobody is to wait long behind us. Half of deadlock_timeout: of two that wait for
  -- each other it is never the other who is ended.
  perform set_config('lock_timeout', '500ms', true);
  -- In the traffic's own order, and all of it before a row moves: an insert that had chosen `…_other` by then would fail.
  if grown = 'order_history'::regclass then
    lock table orders in exclusive mode;
    lock table users in share row exclusive mode;
  end if;
  execute format('lock table only %s in share row exclusive mode', grown);
  execute format('lock table %I in access exclusive mode', other);
  if has_month(grown, month) then return false; end if;
  execute format('create table %I (like %s including defaults including constraints including storage)', part, grown);
  execute format('with moved as (delete from %1$I where %2$I >= %3$L and %2$I < %4$L returning *) insert into %5$I select * from moved',
    other, months_of(grown), from_at, to_at, part);
  execute format('alter table %s attach partition %I for values from (%L) to (%L)', grown, part, from_at, to_at);
  return true;
end $$;

-- The months without a partition: of this one and as many after it, and of whatever stands in `…_other`, with how many do.
create function missing_months(today date, ahead integer) returns table (grown text, month date, strays bigint) language plpgsql as $$
declare
  each text;
begin
  foreach each in array array['notifications', 'order_history'] loop
    return query execute format($q$
      select %1$L, month, coalesce(stray.strays, 0)
      from (select (date_trunc('month', $1) + n * interval '1 month')::date as month from generate_series(0, $2) n) wanted
      full join (select date_trunc('month', %2$I at time zone 'Asia/Shanghai')::date as month, count(*) as strays
                 from %3$I group by 1) stray using (month)
      where not has_month(%1$L, month) order by month $q$, each, months_of(each::regclass), each || '_other')
    using today, ahead;
  end loop;
end $$;

-- Makes them all in one transaction, which is for a shop that stands still. @returns how many were made
create function keep_months(today date, ahead integer) returns integer language sql as
  $$ select count(*) filter (where add_month(grown::regclass, month))::integer from missing_months(today, ahead) $$;

-- Drops a past month, `select drop_month('notifications_2026_12')`, for good. In one go: detached and left lying, its table
-- would land in backups, which cannot be restored then, and stand in the way of its name.
create function drop_month(part regclass) returns void language plpgsql as $$
declare
  grown regclass := (select inhparent from pg_inherits where inhrelid = part);
  past date := to_date(substring(part::text from '\d{4}_\d\d$'), 'YYYY_MM')
    + case when part::text like '%\_before\_%' then interval '0' else interval '1 month' end;
begin
  if grown is null or months_of(grown) is null or past is null then
    raise exception '% is no month of the inbox or of the orders'' history', part;
  end if;
  if past > now() at time zone 'Asia/Shanghai' then
    raise exception '% is not over', part using hint = 'Rows of today would be lost, and no new ones find their place.';
  end if;
  perform set_config('lock_timeout', '500ms', true);
  -- A reference that goes is taken from what it refers to as well.
  if grown = 'order_history'::regclass then lock table orders, users in access exclusive mode; end if;
  execute format('lock table only %s in access exclusive mode', grown);
  execute format('drop table %s', part);
end $$;

-- A later handling names its notification without a foreign key: it would stand in the way of a row that moves to its month.
-- Notifications are never deleted one by one, and the handling reads its own first.
alter table notification_handlings drop constraint notification_handlings_notification_id_fkey;

do $$
declare
  grown text;
  key text;
  numbered bigint;
  called boolean;
  filled boolean;
  until_month timestamp;
  old text;
begin
  foreach grown in array array['notifications', 'order_history'] loop
    key := months_of(grown::regclass);
    execute format('select last_value, is_called, exists (select from %I) from %s', grown, pg_get_serial_sequence(grown, 'id'))
      into numbered, called, filled;
    execute format('alter table %I rename to %I', grown, grown || '_old');
    execute format('alter table %I alter column id drop identity', grown || '_old');
    execute format('alter table %I drop constraint %I', grown || '_old', grown || '_pkey');
    execute format('create table %I (like %I including defaults including constraints including storage) partition by range (%I)',
      grown, grown || '_old', key);
    execute format('alter table %I alter column id add generated always as identity', grown);
    perform setval(pg_get_serial_sequence(grown, 'id'), numbered, called);
    if filled then
      -- Attaching reads the whole table, once. Looking for its last day first would be once more, and only a clock that was
      -- wrong has written beyond this month.
      until_month := date_trunc('month', now() at time zone 'Asia/Shanghai') + interval '1 month';
      begin
        execute format('alter table %I attach partition %I for values from (minvalue) to (%L)',
          grown, grown || '_old', until_month at time zone 'Asia/Shanghai');
      exception when check_violation then
        execute format('select date_trunc(''month'', max(%I) at time zone ''Asia/Shanghai'') + interval ''1 month'' from %I',
          key, grown || '_old') into until_month;
        execute format('alter table %I attach partition %I for values from (minvalue) to (%L)',
          grown, grown || '_old', until_month at time zone 'Asia/Shanghai');
      end;
      execute format('alter table %I rename to %I', grown || '_old', grown || to_char(until_month, '_before_YYYY_MM'));
    else
      execute format('drop table %I', grown || '_old');
    end if;
    execute format('create table %1$I partition of %2$I default', grown || '_other', grown);
  end loop;
end $$;

-- An index that the old table has already is taken as it is.
alter table notifications add primary key (id, received_at);
create index notifications_by_attempt on notifications (attempt_no) where attempt_no is not null;
create index notifications_by_trade on notifications (trade_no) where trade_no is not null;
create index notifications_by_notify_id on notifications (notify_id) where notify_id is not null;
create index notifications_by_refusal on notifications (id) where not accepted;

-- One index for what were two: history is read by its order.
drop index if exists order_history_of_order;
alter table order_history add primary key (order_id, id, at),
  add foreign key (order_id) references orders,
  add foreign key (user_id) references users;

select keep_months((now() at time zone 'Asia/Shanghai')::date, 3);
-- Nobody else does: of a partitioned table PostgreSQL gathers no figures by itself.
analyze notifications, order_history;
