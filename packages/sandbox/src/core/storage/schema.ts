/**
 * The tables, in numbered steps; a released step is never changed. Times are milliseconds on the sandbox's clock, money
 * is fen.
 */
import type { DatabaseSync } from 'node:sqlite'

const STEPS = [
  `
  create table settings (name text primary key, value text not null) strict, without rowid;

  create table merchants (
    app_id text primary key,
    name text not null,
    seller_id text not null,
    seller_email text not null,
    key_mode text not null,
    app_public_key text,
    alipay_private_key text not null,
    alipay_public_key text not null,
    aes_key text not null,
    certificates text,
    rules text not null,
    created_at integer not null
  ) strict, without rowid;

  create table buyers (
    id text primary key,
    login text not null unique,
    name text not null,
    login_password text not null,
    payment_password text not null,
    balance integer not null check (balance >= 0),
    created_at integer not null
  ) strict, without rowid;

  create table sessions (
    token text primary key,
    buyer_id text not null references buyers (id) on delete cascade,
    form_token text not null,
    created_at integer not null
  ) strict, without rowid;

  create table checkouts (
    id text primary key,
    app_id text not null references merchants (app_id) on delete cascade,
    seller_id text not null,
    out_trade_no text not null,
    request text not null,
    first_at integer not null,
    created_at integer not null
  ) strict, without rowid;
  create index checkouts_by_number on checkouts (seller_id, out_trade_no, created_at);

  create table trades (
    id integer primary key,
    trade_no text not null unique,
    app_id text not null references merchants (app_id) on delete cascade,
    seller_id text not null,
    out_trade_no text not null,
    buyer_id text not null references buyers (id),
    status text not null check (status in ('WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED')),
    total integer not null check (total > 0),
    refunded integer not null default 0 check (refunded >= 0 and refunded <= total),
    subject text not null,
    request text not null,
    expires_at integer not null,
    created_at integer not null,
    paid_at integer,
    closed_at integer,
    unique (seller_id, out_trade_no)
  ) strict;
  create index trades_waiting on trades (expires_at) where status = 'WAIT_BUYER_PAY';
  create index trades_by_payment on trades (seller_id, paid_at);

  create table trade_events (
    id integer primary key,
    trade_no text not null references trades (trade_no) on delete cascade,
    at integer not null,
    event text not null,
    detail text not null
  ) strict;
  create index trade_events_by_trade on trade_events (trade_no);

  create table refunds (
    id integer primary key,
    trade_no text not null references trades (trade_no) on delete cascade,
    out_request_no text not null,
    amount integer not null check (amount > 0),
    reason text not null,
    at integer not null,
    unique (trade_no, out_request_no)
  ) strict;
  create index refunds_by_time on refunds (at);

  create table deliveries (
    id integer primary key,
    notify_id text not null unique,
    app_id text not null,
    trade_no text not null references trades (trade_no) on delete cascade,
    out_trade_no text not null,
    event text not null,
    url text not null,
    fields text not null,
    state text not null check (state in ('pending', 'delivered', 'exhausted', 'dropped')),
    attempts integer not null default 0,
    next_at integer,
    created_at integer not null
  ) strict;
  create index deliveries_pending on deliveries (next_at) where state = 'pending';
  create index deliveries_by_trade on deliveries (trade_no);

  create table attempts (
    id integer primary key,
    delivery_id integer not null references deliveries (id) on delete cascade,
    kind text not null,
    at integer not null,
    request_headers text not null,
    request_body blob not null,
    status integer,
    response_headers text not null,
    response_body blob not null,
    error text not null,
    duration integer not null,
    acknowledged integer not null
  ) strict;
  create index attempts_by_delivery on attempts (delivery_id);

  create table faults (
    id integer primary key,
    kind text not null,
    scope text not null,
    options text not null,
    remaining integer,
    created_at integer not null
  ) strict;
  `,
  `
  alter table trades add column pays_at integer;
  alter table checkouts add column paid integer not null default 0;
  alter table refunds add column given integer not null default 1;
  create index trades_refundable on trades (app_id, paid_at) where status = 'TRADE_SUCCESS';
  `,
  `
  create table fault_strikes (kind text primary key, count integer not null) strict, without rowid;
  `,
  `
  alter table trades add column fee integer not null default 0;
  `,
  `
  create table wechat_merchants (
    mch_id text primary key,
    name text not null,
    app_id text not null,
    serial_no text not null,
    public_key text not null,
    api_v3_key text not null,
    key_mode text not null,
    wechat_private_key text not null,
    wechat_public_key text not null,
    public_key_id text not null,
    rules text not null,
    created_at integer not null
  ) strict, without rowid;

  create table wechat_trades (
    id integer primary key,
    mch_id text not null references wechat_merchants (mch_id) on delete cascade,
    out_trade_no text not null,
    app_id text not null,
    trade_type text not null,
    state text not null check (state in ('NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED')),
    total integer not null check (total > 0),
    refunded integer not null default 0 check (refunded >= 0 and refunded <= total),
    description text not null,
    request text not null,
    prepay_id text unique,
    code text unique,
    link_until integer,
    transaction_id text unique,
    buyer_id text references buyers (id),
    fee integer not null default 0,
    pays_at integer,
    expires_at integer not null,
    created_at integer not null,
    paid_at integer,
    closed_at integer,
    unique (mch_id, out_trade_no)
  ) strict;
  create index wechat_trades_by_payment on wechat_trades (mch_id, paid_at);

  create table wechat_trade_events (
    id integer primary key,
    trade_id integer not null references wechat_trades (id) on delete cascade,
    at integer not null,
    event text not null,
    detail text not null
  ) strict;
  create index wechat_trade_events_by_trade on wechat_trade_events (trade_id);

  create table wechat_refunds (
    id integer primary key,
    refund_id text not null unique,
    trade_id integer not null references wechat_trades (id) on delete cascade,
    mch_id text not null,
    out_refund_no text not null,
    amount integer not null check (amount > 0),
    status text not null check (status in ('PROCESSING', 'SUCCESS', 'CLOSED', 'ABNORMAL')),
    reason text not null,
    notify_url text,
    due_at integer not null,
    created_at integer not null,
    success_at integer,
    unique (mch_id, out_refund_no)
  ) strict;
  create index wechat_refunds_by_trade on wechat_refunds (trade_id);
  create index wechat_refunds_processing on wechat_refunds (due_at) where status = 'PROCESSING';

  create table wechat_deliveries (
    id integer primary key,
    notify_id text not null unique,
    app_id text not null,
    trade_no text not null,
    out_trade_no text not null,
    event text not null,
    url text not null,
    fields text not null,
    state text not null check (state in ('pending', 'delivered', 'exhausted', 'dropped')),
    attempts integer not null default 0,
    next_at integer,
    created_at integer not null
  ) strict;
  create index wechat_deliveries_pending on wechat_deliveries (next_at) where state = 'pending';
  create index wechat_deliveries_by_number on wechat_deliveries (out_trade_no);

  create table wechat_attempts (
    id integer primary key,
    delivery_id integer not null references wechat_deliveries (id) on delete cascade,
    kind text not null,
    at integer not null,
    request_headers text not null,
    request_body blob not null,
    status integer,
    response_headers text not null,
    response_body blob not null,
    error text not null,
    duration integer not null,
    acknowledged integer not null
  ) strict;
  create index wechat_attempts_by_delivery on wechat_attempts (delivery_id);
  `,
  `
  create table wechat_certificates (
    id integer primary key,
    mch_id text not null references wechat_merchants (mch_id) on delete cascade,
    serial_no text not null unique,
    private_key text not null,
    certificate text not null,
    effective_at integer not null,
    expires_at integer not null,
    share integer not null check (share between 0 and 100)
  ) strict;
  create index wechat_certificates_by_merchant on wechat_certificates (mch_id, id);
  `,
  `create index wechat_trades_waiting on wechat_trades (created_at) where state = 'NOTPAY'`,
]

/** Migrates a data file to this version, one transaction per step; `user_version` counts the steps done. */
export function migrate(connection: DatabaseSync): void {
  const { user_version: done } = connection.prepare('pragma user_version').get() as { user_version: number }
  for (const [index, step] of STEPS.entries()) {
    if (index < done) continue
    connection.exec(`begin; ${step}; pragma user_version=${index + 1}; commit`)
  }
}
