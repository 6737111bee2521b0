-- Limits of what a device may spend or use of a shared allowance, how far each is reached, and who was told.

-- define: consumption_month
-- Where the month that an instant is in began: on the account's billing day, UTC.
create function consumption_month(now_ timestamptz, billing_day smallint) returns timestamptz
language sql immutable as $$
    select (date_trunc('month', (now_ at time zone 'UTC') - (billing_day - 1) * interval '1 day')
            + (billing_day - 1) * interval '1 day') at time zone 'UTC'
$$

-- define: consumption_paid
-- What devices have ever drawn from their accounts' main buckets.
create function consumption_paid(now_ timestamptz, account text, device text) returns table (amount bigint)
language sql stable as $$
    select coalesce(sum(u.used), 0)::bigint
    from ledger_bucket(now_) b join ledger_bucket_use() u on u.bucket_id = b.id and u.device_id = device
    where b.account_id = account and b.kind = 'main'
$$

-- define: consumption_spend
-- Every limit with how much of it is used in its period. Money: what was paid ahead this month and what is owed in the
-- newest bill window. An allowance: what the device drew from the shared bucket that is alive.
create function consumption_spend(now_ timestamptz)
returns table (
    id text, account_id text, device_id text, allowance_id text, unit text, amount bigint, display_unit text,
    display_atoms bigint, thresholds smallint[], created_at timestamptz, body jsonb, number text, product_id text,
    used bigint, period text, since timestamptz, reached smallint
)
language sql stable as $$
    select l.id, l.account_id, l.device_id, l.allowance_id, l.unit, l.amount, l.display_unit, l.display_atoms, l.thresholds,
           l.created_at, l.body, d.value, d.product_id, u.used, u.period, u.since,
           (select max(m.threshold) from consumption_limit_mark m where m.limit_id = l.id and m.period = u.period)
    from consumption_limit l
    join inventory_device(now_) d on d.id = l.device_id
    join inventory_account() a on a.id = l.account_id
    cross join lateral (
        select paid.amount - l.base + coalesce(owed.amount, 0) as used,
               case when a.kind = 'postpaid' then 'window ' || coalesce(owed.charge_window, 0)
                    else to_char(l.period_start at time zone 'UTC', 'YYYY-MM-DD') end as period,
               coalesce(owed.first_at, l.period_start) as since
        from consumption_paid(now_, l.account_id, l.device_id) paid
        left join lateral (
            select charge_window, sum(amount)::bigint as amount, min(first_at) as first_at
            from usage_unbilled(l.account_id, d.product_id) group by charge_window order by charge_window desc limit 1
        ) owed on true
        where l.allowance_id = ''
        union all
        select coalesce(sum(s.used), 0)::bigint, coalesce(to_char(min(b.valid_from) at time zone 'UTC', 'YYYY-MM-DD'), ''),
               coalesce(min(b.valid_from), l.created_at)
        from ledger_bucket(now_) b
        left join ledger_bucket_use() s on s.bucket_id = b.id and s.device_id = l.device_id
        where l.allowance_id <> '' and b.account_id = l.account_id and b.allowance_id = l.allowance_id
          and b.device_id is null and coalesce(b.valid_to, 'infinity') > now_ and b.valid_from <= now_
        having l.allowance_id <> ''
    ) u
$$

-- name: subjects
-- The device that is meant by id or number ($1 ids, $2 numbers), with what a limit of an allowance ($3) would be of.
select w.n, d.id, d.account_id, a.currency, a.billing_day, s.unit,
       consumption_month($4, a.billing_day) as period_start,
       (select amount from consumption_paid($4, d.account_id, d.id)) as paid
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w (id, number, allowance, n)
join inventory_device($4) d on d.id in (
    select w.id union select v.id from inventory_device($4) v where v.value = w.number)
    and (w.id is null or d.id = w.id) and (w.number is null or d.value = w.number)
    and d.valid_from <= $4 and (d.valid_to is null or $4 < d.valid_to)
join inventory_account() a on a.id = d.account_id
left join lateral (
    select b.unit from ledger_bucket($4) b
    where b.account_id = d.account_id and b.allowance_id = w.allowance and b.device_id is null limit 1
) s on true

-- name: keep
insert into consumption_limit (id, account_id, device_id, allowance_id, unit, amount, display_unit, display_atoms, thresholds,
                               period_start, base, checked_at, created_at, body)
select id, account_id, device_id, allowance_id, unit, amount, display_unit, display_atoms,
       array(select t::smallint from jsonb_array_elements_text(thresholds::jsonb) t), period_start, base, $1, $1, body::jsonb
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::text[],
            $11::timestamptz[], $12::bigint[], $13::text[])
    as l (id, account_id, device_id, allowance_id, unit, amount, display_unit, display_atoms, thresholds, period_start, base,
          body)
on conflict (device_id, allowance_id) do nothing
returning id

-- name: forget
delete from consumption_limit where id = any ($1) returning id

-- name: turn
-- Limits of money whose month is over begin anew.
update consumption_limit l
set period_start = consumption_month($1, a.billing_day), base = p.amount
from inventory_account() a, consumption_limit o, consumption_paid($1, o.account_id, o.device_id) p
where a.id = l.account_id and o.id = l.id and l.id = any ($2) and l.allowance_id = ''
  and l.period_start < consumption_month($1, a.billing_day)

-- name: due
-- Limits of devices that were used lately, and those that were not looked at for longest ($2 at most), locked; those that
-- another worker looks at are left to it.
select id from consumption_limit
where id in (
    select l.id from consumption_limit l join usage_lately($1) u on u.device_id = l.device_id
    union
    (select id from consumption_limit order by checked_at, id limit $2))
order by id
for no key update skip locked

-- name: mark
-- The limits that have come to a threshold since they were last looked at.
with looked as (
    update consumption_limit set checked_at = $1 where id = any ($2)
), marked as (
    insert into consumption_limit_mark (limit_id, period, threshold, at)
    select s.id, s.period, t.threshold, $1
    from consumption_spend($1) s cross join unnest(s.thresholds) as t (threshold)
    where s.id = any ($2) and s.used::numeric * 100 >= s.amount::numeric * t.threshold
    order by s.id, t.threshold
    on conflict do nothing
    returning limit_id
)
select distinct limit_id from marked order by limit_id
