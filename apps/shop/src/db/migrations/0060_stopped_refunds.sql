-- Staff stop a refund that its gateway keeps refusing. `refused_tries` equals `tries` while the last try is known to have moved nothing.
alter table refunds
  add column refused_tries integer not null default 0,
  add column stopped boolean not null default false;
