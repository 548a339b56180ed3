#!/bin/sh
# Run once by the image of PostgreSQL, when its folder is new: the shop is a plain role that owns its database, and the superuser
# has no password any more, so it is reached from inside of the container alone.
set -eu
psql --no-psqlrc -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username postgres --dbname postgres <<'SQL'
create role shop login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password :'password';
create database shop owner shop;
revoke connect, temporary on database shop from public;
\connect shop
revoke all on schema public from public;
alter role postgres password null;
SQL
