-- Since when the gateway has not answered about an attempt; null once it has. Until then it is not known whether it was paid.
alter table payment_attempts add column unanswered_since timestamptz;
