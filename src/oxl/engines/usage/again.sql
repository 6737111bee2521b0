-- Jobs over many usages. $1 to $8 of the choosing statements are the states and the selection; none of it: any.

-- define: usage_job_standing
-- A job as its parts together are; no row for one that the version before has done, which had none.
create function usage_job_standing(job text) returns table (state text, counts jsonb, updated_at timestamptz)
language sql stable as $$
    select case when bool_and(p.state = 'done') then 'done' when bool_and(p.state = 'acknowledged') then 'acknowledged'
                else 'inProgress' end,
           (select coalesce(jsonb_object_agg(s.outcome, s.number), '{}')
            from (select c.key as outcome, sum(c.value::bigint) as number
                  from usage_job_part e cross join jsonb_each_text(e.counts) c where e.job_id = job group by c.key) s),
           max(p.updated_at)
    from usage_job_part p where p.job_id = job having count(*) > 0
$$

-- define: usage_job_report
create function usage_job_report()
returns table (id text, kind text, state text, filter jsonb, plan_version int, total bigint, counts jsonb, error text,
               created_at timestamptz, updated_at timestamptz)
language sql stable as $$
    select j.id, j.kind, coalesce(p.state, j.state), j.filter, j.plan_version, j.total, coalesce(p.counts, j.counts),
           j.error, j.created_at, greatest(j.updated_at, p.updated_at)
    from usage_job j left join lateral usage_job_standing(j.id) p on true
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

-- name: divided
-- The chosen in parts of whole accounts, in order of account: $10 at most, of about as many usages, and of $9 at least.
-- `last`: the last account of each; `unowned`: whether some of it are nobody's yet.
select max(account_id) as last, sum(usages)::bigint as usages, bool_or(account_id is null) as unowned
from (select account_id, usages, sum(usages) over (order by account_id nulls last) as place, sum(usages) over () as total
      from (select account_id, count(*) as usages from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)
            group by account_id) a) b
group by div((place - 1) * least($10::int, ceil(total / $9::int)), total)
order by min(place)

-- name: chosen
-- Of a part, whose accounts are those after $12 up to $13; none of both: of all, nobody's too. What came after the job was
-- asked for is not its business.
select id from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)
where id > $9 and created_at <= $10 and ($12 = '' or account_id > $12) and ($13::text is null or account_id <= $13)
order by id limit $11

-- name: chosen_by_account
-- Whole accounts up to $12, as many as have about $11 usages together; `before`: those of the accounts ahead of it.
select account_id, ids, before
from (select account_id, ids, coalesce(sum(cardinality(ids)) over (order by account_id rows between unbounded preceding
                                                                   and 1 preceding), 0) as before
      from (select account_id, array_agg(id order by id) as ids
            from usage_chosen($1, $2, $3, $4, $5, $6, $7, $8)
            where account_id > $9 and account_id <= $12 and created_at <= $10
            group by account_id order by account_id limit 100) a) b
where before < $11
order by account_id

-- name: start_job
insert into usage_job (id, kind, state, filter, plan_version, total, created_at, updated_at)
values ($1, $2, 'acknowledged', $3::jsonb, $4, $5, $6, $6)

-- name: start_parts
-- $2 the last account before each, $3 the last of each, $4 where each begins.
insert into usage_job_part (job_id, part, after, until, place, updated_at)
select $1, n, after, until, place, $5
from unnest($2::text[], $3::text[], $4::text[]) with ordinality as p (after, until, place, n)

-- name: adopt_jobs
-- Jobs of the version before, which knows no parts, are one part and go on where they are.
with strays as (
    select * from usage_job j
    where state in ('acknowledged', 'inProgress') and not exists (select from usage_job_part p where p.job_id = j.id)
    for update skip locked
)
insert into usage_job_part (job_id, part, after, until, state, counts, place, updated_at)
select id, 1, '', case when kind = 'rerate' then coalesce((select max(account_id) from usage), '') end, state, counts, place,
       updated_at
from strays on conflict do nothing

-- name: due_jobs
select distinct job_id from usage_job_part where state <> 'done' order by job_id

-- name: job
select state, total, counts from usage_job_report() where id = $1

-- name: take_part
-- The first part that nobody has at hand.
select j.id, j.kind, j.filter, j.plan_version, j.created_at, p.part, p.after, p.until, p.counts, p.place
from usage_job j join usage_job_part p on p.job_id = j.id
where j.id = $1 and p.state <> 'done' order by p.part limit 1 for update of p skip locked

-- name: keep_part
update usage_job_part set state = $3, counts = $4::jsonb, place = $5, updated_at = $6 where job_id = $1 and part = $2
