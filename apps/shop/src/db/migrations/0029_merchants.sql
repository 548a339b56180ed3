-- At which merchant an attempt, a trial payment or unmatched money stands: payment settings change while links live, and
-- whoever asks, closes or pays back turns to that merchant and to no other. Null where it was not noted yet.
alter table payment_attempts add column merchant text;
alter table trial_payments add column merchant text;
alter table unmatched_payments add column merchant text;
