-- The history names the event as the state table does.
update order_history set event = 'resendMissing' where subject = 'refund' and event = 'makeGood';
