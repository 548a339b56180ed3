-- Every change of the catalogue is announced, once a transaction, so that no process goes on selling what it remembers.
create function announce_catalog() returns trigger language plpgsql as $$
begin
  perform pg_notify('catalog_changed', '');
  return null;
end $$;

create trigger announce_courses after insert or update or delete or truncate on courses execute function announce_catalog();
create trigger announce_chapters after insert or update or delete or truncate on chapters execute function announce_catalog();
create trigger announce_lessons after insert or update or delete or truncate on lessons execute function announce_catalog();
create trigger announce_categories after insert or update or delete or truncate on categories execute function announce_catalog();
create trigger announce_teachers after insert or update or delete or truncate on teachers execute function announce_catalog();
