-- A bill whose rows do not add up to its own totals, and a day for which the gateway offers no bill any more.
alter table reconciliations drop constraint reconciliations_status_check;
alter table reconciliations add constraint reconciliations_status_check
  check (status in ('waiting', 'running', 'done', 'failed', 'contradictory', 'not_offered'));

-- The totals that the bill itself states, beside those that we count from its rows.
alter table reconciliations add column summary jsonb;
