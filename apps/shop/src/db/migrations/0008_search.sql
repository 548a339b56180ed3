-- What the desk searches and watches by, however many orders there are. Each index names the question it answers.

-- Money health: what was paid, granted or asked for lately.
create index orders_paid_at on orders (paid_at) where paid_at is not null;
create index enrolments_granted_at on enrolments (granted_at) where revoked_at is null and order_id is not null;
create index refunds_requested_at on refunds (requested_at);

-- Order search: newest first within a status, a method, a day, an amount; and which orders have a course.
create index orders_by_status on orders (status, id desc);
create index orders_by_pay_type on orders (pay_type, id desc);
create index orders_by_amount on orders (total_fen, id desc);
create index orders_created_at on orders (created_at);
create index order_lines_of_course on order_lines (course_id, order_id desc);
create index payment_attempts_by_trade on payment_attempts (trade_no) where trade_no is not null;
create index users_by_name_start on users (lower(username) text_pattern_ops);
create index users_by_display_name_start on users (lower(display_name) text_pattern_ops);
