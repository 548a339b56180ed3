-- What a day's sums must say so that they can be added up over any span: of the orders placed on that day how many were
-- paid, and how long each payment waited for its access. A day is counted once it has a row with `counted_at`, so every
-- day is counted again after this.
alter table sales_days
  add column converted_orders integer not null default 0,
  -- On the one row of the day that is of no method and no course.
  add column counted_at timestamptz;
-- No longer read: medians of days can't be combined. It stays for a node of the version before, while the other restarts.
comment on column sales_days.median_seconds is 'not read any more, see access_waits';

create table access_waits (
  day text not null,
  -- Exact up to a minute, then the next whole minute up to an hour, then the next whole hour.
  seconds integer not null,
  orders integer not null,
  primary key (day, seconds)
);
