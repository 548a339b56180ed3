-- An export of orders is one streamed answer: nothing of it is kept.
drop table export_pieces, exports;

-- The queue keeps a job whose task it does not know for ever. Its tables are not there yet where the shop is new.
do $$ begin
  if to_regclass('graphile_worker._private_jobs') is not null then
    delete from graphile_worker._private_jobs job using graphile_worker._private_tasks task
    where task.id = job.task_id and task.identifier in ('export-orders', 'resume-exports');
  end if;
end $$;
