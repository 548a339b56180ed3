-- The audit log is read by who, by what, and by day, newest first; each filter walks its own index backwards.
create index audit_log_of_username on audit_log (username, id desc);
create index audit_log_of_action on audit_log (action, id desc);
create index audit_log_by_time on audit_log (at);
