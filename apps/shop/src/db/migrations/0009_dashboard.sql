-- Each Beijing day in sums, counted by a job: by method and course, so that no page counts orders.
create table sales_days (
  day text not null,
  -- '' where the sum is of all methods.
  pay_type text not null,
  -- Null for what belongs to orders, not to a course.
  course_id integer references courses,
  sold integer not null,
  sales_fen bigint not null,
  paid_orders integer not null,
  refunds_fen bigint not null,
  placed_orders integer not null,
  -- Half of the day's payments gave access within so many seconds.
  median_seconds integer
);
create index sales_days_by_day on sales_days (day);
