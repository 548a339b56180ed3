-- From where a trial payment was started: WeChat Pay opens a payment on a phone only for the address that its order names.
alter table trial_payments add column payer_address text not null default '';
