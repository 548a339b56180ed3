-- Of accounts whose names fold to one, the plain name keeps it, or else the oldest account; the others keep logging in by
-- their name exactly as it was registered, which is the folded form of none.
update users set login_name = username
  from (select id, row_number() over (
          partition by login_name order by lower(username collate "C") = login_name desc, id) as place from users) ranked
  where ranked.id = users.id and ranked.place > 1;

alter table users alter column login_name set not null;
create unique index users_login_name on users (login_name);

-- How often lately something was done from one place that then asks for a proof of work, such as registering. Losing these
-- rows in a crash only forgives.
create unlogged table proof_counts (
  key text primary key,
  count integer not null,
  window_ends_at timestamptz not null
);

-- Proofs of work that were shown, until their challenge ends: each is good once.
create unlogged table spent_proofs (
  challenge text primary key,
  expires_at timestamptz not null
);
