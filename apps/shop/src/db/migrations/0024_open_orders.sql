-- "This buyer's unpaid orders" must never be looked for among everybody's: analyzed at a quiet hour, an index over all
-- unpaid orders looks free of cost to the planner. So the buyer's question has an index that no other question matches.
drop index orders_unpaid_of_user;
create index orders_open_of_user on orders (user_id) where paid_at is null and closed_at is null;
