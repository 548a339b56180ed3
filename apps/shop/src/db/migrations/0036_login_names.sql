-- The one form in which login names are compared and counted (`login-name.ts` folds them). Names that are there are folded
-- by `database/login-names.ts`, a batch at a time, before 0037 makes them unique. In byte order, so that one index serves
-- both "is called so" and "begins so".
alter table users add column login_name text collate "C";

-- A node that still runs the last version adds accounts without it meanwhile.
create function fill_login_name() returns trigger language plpgsql as $$
begin
  if new.login_name is null then new.login_name := lower(new.username); end if;
  return new;
end $$;
create trigger users_login_name before insert on users for each row execute function fill_login_name();

-- A password that staff or the command line made up is good for so long.
alter table users add column password_expires_at timestamptz;
update users set password_expires_at = now() + interval '30 days' where password_due;
