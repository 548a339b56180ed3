-- The shop's processes may be a role that owns no table: a month is then made with the owner's rights. Only for the two tables
-- that have months, with names that are looked up where they stand and nowhere else.
do $$ begin
  execute format('alter function add_month(regclass, date) security definer set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function drop_month(regclass) from public;
