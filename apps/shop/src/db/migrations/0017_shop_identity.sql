-- What the shop is called and how it is reached: one row, which is there from the start.
create table shop_identity (
  one boolean primary key default true check (one),
  name_zh text not null default '',
  name_en text not null default '',
  contact jsonb not null default '{}',
  icp text not null default '',
  logo bytea check (octet_length(logo) <= 262144),
  logo_type text check (logo_type in ('image/png', 'image/jpeg', 'image/webp')),
  logo_hash text,
  changed_at timestamptz not null default now(),
  constraint shop_identity_logo check (num_nonnulls(logo, logo_type, logo_hash) in (0, 3))
);
insert into shop_identity default values;
