-- What happens to stored usages, and the history of what they were.

-- define: usage_past
-- Every state that a usage has been in since it was taken, the one it is in now included; `deleted` where it is gone.
create function usage_past()
returns table (usage_id text, revision int, status text, previous text, reason text, actor text, reference text,
               at timestamptz, charge_window bigint, charged bigint, plan_id text, plan_version int, prices jsonb)
language sql stable as $$
    select h.usage_id, h.revision, h.status,
           (select status from usage_history o where (o.usage_id, o.revision) = (h.usage_id, h.revision - 1)),
           h.reason, h.actor, h.reference, h.at, h.charge_window, usage_net(h.charges), h.plan_id, h.plan_version, h.prices
    from usage_history h
    union all
    select u.id, u.revision, u.status,
           (select status from usage_history o where (o.usage_id, o.revision) = (u.id, u.revision - 1)),
           u.reason, u.actor, u.reference, u.updated_at, u.charge_window, usage_net(u.charges), u.plan_id, u.plan_version, u.prices
    from usage u
$$

-- name: stored
select id, status, reason, started_at, product_id, account_id, device_id, charge_window, plan_id, plan_version, prices,
       draws, revision, body
from usage where id = any ($1) order by id for no key update

-- name: keep_history
insert into usage_history (usage_id, revision, status, reason, actor, reference, at, account_id, charge_window, charges,
                           plan_id, plan_version, prices, draws)
select id, revision, status, reason, actor, reference, updated_at, account_id, charge_window, charges, plan_id,
       plan_version, prices, draws
from usage where id = any ($1)

-- name: revise
update usage u
set status = n.status, reason = n.reason, actor = n.actor, reference = n.reference, charge_window = n.charge_window,
    charges = n.charges::jsonb, plan_id = n.plan_id, plan_version = n.plan_version, prices = n.prices::jsonb,
    draws = n.draws::jsonb, started_at = coalesce(n.started_at, u.started_at),
    product_id = coalesce(n.product_id, u.product_id), account_id = coalesce(n.account_id, u.account_id),
    device_id = coalesce(n.device_id, u.device_id), unit = coalesce(n.unit, u.unit),
    quantity = coalesce(n.quantity, u.quantity), revision = u.revision + 1, updated_at = $1
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
            $10::int[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::text[], $16::text[],
            $17::text[], $18::bigint[])
    as n (id, status, reason, actor, reference, charge_window, charges, plan_id, plan_version, prices, draws, started_at,
          product_id, account_id, device_id, unit, quantity)
where u.id = n.id

-- name: delete
with gone as (delete from usage where id = any ($1) returning id, key)
delete from usage_key k using gone where k.key = gone.key and k.usage_id = gone.id

-- name: keep_deletion
insert into usage_history (usage_id, revision, status, actor, at, prices, draws)
select usage_id, max(revision) + 1, 'deleted', $3, $1, '[]', '[]' from usage_history where usage_id = any ($2)
group by usage_id
