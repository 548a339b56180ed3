-- Counts the changes of the shop's name and contact, so that two owners do not overwrite each other.
alter table shop_identity add column version integer not null default 1;
