-- Which sessions were begun with a password of the demo's: on a live shop they do not work. Of older sessions it was not noted:
-- staff, and who is named as the demo's buyer is, log in once more there.
alter table sessions add column by_demo_password boolean not null default false;
update sessions set by_demo_password = true
where user_id in (select id from users where role <> 'buyer' or lower(username) = 'root');

-- Whether entered settings are of a real gateway: the shop that has any is live. Of older ones it was not noted.
alter table payment_settings add column real_gateway boolean not null default true;

-- While a live shop has no owner who can log in: the code, as a hash, with which one is made. One row or none.
create table first_run (
  only_row boolean primary key default true check (only_row),
  code_hash bytea not null,
  expires_at timestamptz not null,
  guesses integer not null default 0,
  guesses_until timestamptz
);

-- Requests that came through a proxy nearby which the settings do not know (TRUST_PROXY): the last time. One row or none.
create table unknown_proxy (
  only_row boolean primary key default true check (only_row),
  seen_at timestamptz not null,
  peer text not null,
  entries integer not null,
  trusted integer not null
);
