-- What rating locks and writes beside the usages themselves.

-- name: counters
-- The counters of these keys, locked, made where they are not there yet.
with made as (
    insert into usage_counter (product_id, plan_id, plan_version, component, period, quantity)
    select k.*, 0 from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::timestamptz[])
        as k (product_id, plan_id, plan_version, component, period)
    order by 1, 2, 3, 4, 5
    on conflict (product_id, plan_id, plan_version, component, period)
        do update set quantity = usage_counter.quantity
    returning *
)
select product_id, plan_id, plan_version, component, period, quantity from made

-- name: keep_counters
update usage_counter c set quantity = n.quantity
from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::timestamptz[], $6::bigint[])
    as n (product_id, plan_id, plan_version, component, period, quantity)
where (c.product_id, c.plan_id, c.plan_version, c.component, c.period)
    = (n.product_id, n.plan_id, n.plan_version, n.component, n.period)

-- name: keep_charges
insert into charge (account_id, charge_window, product_id, component, zone, tax_category, unit, quantity, amount, events,
                    first_at, last_at)
select * from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
                     $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
    as c (account_id, charge_window, product_id, component, zone, tax_category, unit, quantity, amount, events,
          first_at, last_at)
order by account_id, charge_window, product_id, component, zone, tax_category
on conflict (account_id, charge_window, product_id, component, zone, tax_category) do update
set quantity = charge.quantity + excluded.quantity, amount = charge.amount + excluded.amount,
    events = charge.events + excluded.events, first_at = least(charge.first_at, excluded.first_at),
    last_at = greatest(charge.last_at, excluded.last_at)
where charge.bill_id is null
returning account_id, charge_window, product_id, component, zone, tax_category

-- name: open_windows
select account_id, open_window from inventory_open_windows($1)

-- name: hold_windows
select account_id, open_window from inventory_hold_windows($1)
