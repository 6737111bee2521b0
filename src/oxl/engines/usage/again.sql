-- Jobs over many usages. $1 to $8 of the choosing statements are the states and the selection; none of it: any.

-- define: usage_job_report
create function usage_job_report()
returns table (id text, kind text, state text, filter jsonb, plan_version int, total bigint, counts jsonb, error text,
               created_at timestamptz, updated_at timestamptz)
language sql stable as $$
    select id, kind, state, filter, plan_version, total, counts, error, created_at, updated_at from usage_job
$$

-- define: usage_chosen
create function usage_chosen(states text[], reason_ text, specification_id_ text, product_id_ text, account_id_ text,
                             plan_id_ text, start_ timestamptz, until_ timestamptz)
returns table (id text, account_id text, created_at timestamptz)
language sql stable as $$
    select id, account_id, created_at
    from usage
    where status = any (states) and reason is distinct from 'chargedOnline' and (reason_ is null or reason = reason_)
      and (specification_id_ is null or specification_id = specification_id_)
      and (product_id_ is null or product_id = product_id_) and (account_id_ is null or account_id = account_id_)
      and (plan_id_ is null or plan_id = plan_id_) and (start_ is null or started_at >= start_)
      and (until_ is null or started_at < until_)
$$

-- name: count_chosen
select count(*) from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)

-- name: chosen
-- What came after the job was asked for is not its business.
select id from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)
where id > $9 and created_at <= $10 order by id limit $11

-- name: chosen_by_account
-- Whole accounts, as many as have about $11 usages together; `before`: those of the accounts ahead of it.
select account_id, ids, before
from (select account_id, ids, coalesce(sum(cardinality(ids)) over (order by account_id rows between unbounded preceding
                                                                   and 1 preceding), 0) as before
      from (select account_id, array_agg(id order by id) as ids
            from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)
            where account_id > $9 and created_at <= $10
            group by account_id order by account_id limit 100) a) b
where before < $11
order by account_id

-- name: start_job
insert into usage_job (id, kind, state, filter, plan_version, total, created_at, updated_at)
values ($1, $2, 'acknowledged', $3::jsonb, $4, $5, $6, $6)

-- name: due_jobs
select id from usage_job where state in ('acknowledged', 'inProgress') order by id

-- name: total_of_job
select total from usage_job where id = $1

-- name: take_job
select id, kind, state, filter, plan_version, total, counts, place, created_at from usage_job
where id = $1 for update skip locked

-- name: keep_job
update usage_job set state = $2, counts = $3::jsonb, place = $4, updated_at = $5 where id = $1
