-- Recurring top-ups and adjustments: their schedules, and the runs that are due.

-- name: places
select id, account_id, unit, usage_type from bucket where id = any ($1)

-- name: keep_schedules
insert into balance_schedule (action_id, period, anchor, runs, until, due_at)
select action_id, period, anchor, runs, until, due_at
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::int[], $5::timestamptz[], $6::timestamptz[])
    as s (action_id, period, anchor, runs, until, due_at)

-- name: due
select s.action_id, s.period, s.anchor, s.runs, s.until, s.period_no, s.tries, s.skips, s.due_at, a.bucket_id, a.unit,
       a.amount, a.body::text
from balance_schedule s join balance_action a on a.id = s.action_id
where s.due_at <= $1 and a.kind = $2 and a.status = 'created'
order by s.due_at, s.action_id limit $3
for update of s skip locked

-- name: mark_runs
-- The index on completed runs of a period refuses a second one, whoever asks for it.
update balance_action a set parent_id = r.parent_id, period_no = r.period_no
from unnest($1::text[], $2::text[], $3::int[]) as r (id, parent_id, period_no)
where a.id = r.id

-- name: move_on
update balance_schedule s
set period_no = d.period_no, tries = d.tries, skips = d.skips, due_at = d.due_at
from unnest($1::text[], $2::int[], $3::int[], $4::int[], $5::timestamptz[])
    as d (action_id, period_no, tries, skips, due_at)
where s.action_id = d.action_id

-- name: close
update balance_action a
set status = d.status, confirmed_at = case when d.status = 'completed' then $1::timestamptz end,
    reason = case when d.status = 'failed' then 'givenUp' end
from unnest($2::text[], $3::text[]) as d (id, status)
where a.id = d.id
