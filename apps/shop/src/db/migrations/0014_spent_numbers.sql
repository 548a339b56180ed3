-- A refund that its gateway has closed can never be made with its number any more: sent again, it gets a new one.
alter table refunds add column number_spent boolean not null default false;
