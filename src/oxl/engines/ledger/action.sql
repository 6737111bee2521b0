-- Balance actions that are done at once or in runs: what is kept of them, and how they are taken back.

-- define: ledger_action
-- Every top-up, adjustment and transfer that has not been deleted.
create function ledger_action()
returns table (
    id text, kind text, bucket_id text, account_id text, unit text, usage_type text, amount bigint, status text,
    requested_at timestamptz, confirmed_at timestamptz, reason text, body jsonb, device_id text,
    receiver_bucket_id text, receiver_account_id text, receiver_device_id text, receiver_usage_type text, cost bigint,
    cost_unit text, parent_id text, display_unit text, display_atoms bigint
)
language sql stable as $$
    select a.id, a.kind, a.bucket_id, a.account_id, a.unit, b.usage_type, a.amount, a.status, a.requested_at,
           a.confirmed_at, a.reason, a.body, b.device_id, a.receiver_bucket_id, a.receiver_account_id, r.device_id,
           r.usage_type, a.cost, a.cost_unit, a.parent_id, b.display_unit, b.display_atoms
    from balance_action a join bucket b on b.id = a.bucket_id left join bucket r on r.id = a.receiver_bucket_id
    where a.deleted_at is null
$$

-- name: keep
insert into balance_action (id, kind, bucket_id, account_id, unit, amount, status, requested_at, confirmed_at, reason,
                            receiver_bucket_id, receiver_account_id, cost_bucket_id, cost, cost_unit, parent_id,
                            period_no, body)
select id, kind, bucket_id, account_id, unit, amount, status, $1,
       case when status = 'completed' then $1::timestamptz end, reason, receiver_bucket_id, receiver_account_id,
       cost_bucket_id, cost, cost_unit, parent_id, period_no, body::jsonb
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[], $15::text[], $16::int[], $17::text[])
    as a (id, kind, bucket_id, account_id, unit, amount, status, reason, receiver_bucket_id, receiver_account_id,
          cost_bucket_id, cost, cost_unit, parent_id, period_no, body)

-- name: main_buckets_of
-- The main buckets of the accounts of these buckets.
select m.id, m.account_id from bucket m
where m.kind = 'main' and m.account_id in (select account_id from bucket where id = any ($1))

-- name: given_away
-- What buckets have given away since $2.
select bucket_id, sum(amount)::bigint as amount from balance_action
where kind = 'transfer' and status = 'completed' and bucket_id = any ($1) and requested_at >= $2
group by bucket_id

-- name: lock_schedules
select action_id from balance_schedule where action_id = any ($1) order by action_id for update

-- name: places
select id, bucket_id, receiver_bucket_id, cost_bucket_id from balance_action where id = any ($1)

-- name: read
select id, kind, bucket_id, unit, amount, status, reason, receiver_bucket_id, cost_bucket_id, cost, deleted_at,
       body::text, coalesce(body ? 'voucher', false) as by_voucher
from balance_action where id = any ($1)

-- name: change
update balance_action a
set status = d.status, reason = d.reason, deleted_at = d.deleted_at, body = d.body::jsonb
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]) as d (id, status, reason, deleted_at, body)
where a.id = d.id

-- name: stop_schedules
update balance_schedule set due_at = null where action_id = any ($1)
