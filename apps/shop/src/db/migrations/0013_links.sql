-- Some gateways are asked for their links: such a link is kept with its attempt until it ends, and one process at a time
-- asks for it, since asking again kills the link before.
alter table payment_attempts
  add column channel text not null default 'page',
  add column link jsonb,
  add column link_until timestamptz,
  add column link_claimed_until timestamptz,
  add constraint a_link_has_an_end check ((link is null) = (link_until is null));

-- A gateway that pays back in its own time says first that it will; and each refund that is not finished is looked at
-- again by and by, the longest unseen first.
alter table refunds
  add column accepted_at timestamptz,
  add column look_at timestamptz;
