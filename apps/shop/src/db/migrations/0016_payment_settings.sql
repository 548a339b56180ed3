-- Payment settings that the owner entered: sealed, with a view that may be shown. Former ones stay, so that what was paid
-- with them can still be asked about and refunded.
create table payment_settings (
  id bigint generated always as identity primary key,
  provider text not null,
  sealed text not null,
  shown jsonb not null,
  entered_by bigint not null references users,
  entered_at timestamptz not null,
  retired_at timestamptz
);
create unique index payment_settings_in_use on payment_settings (provider) where retired_at is null;
