-- Whether a refund ended the access: if less went back than our books had, it comes back; what staff revoked does not. Until
-- now that was told from the two having the same time.
alter table enrolments add column revoked_by_refund boolean not null default false;

update enrolments e set revoked_by_refund = true from refunds r
where r.order_id = e.order_id and r.status = 'succeeded' and e.revoked_at = r.finished_at;
