-- How much of the notifications that fail their signature was kept lately, per address (a network of IPv6) and in all ("*").
-- Bytes leave the count as time passes.
create table unverified_quotas (
  line text primary key,
  bytes bigint not null,
  at timestamptz not null
);
