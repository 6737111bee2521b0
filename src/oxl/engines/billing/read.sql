-- What commands ask of bills, and the proof of all of them.

-- name: runs
select id, kind, cycle_id, state, control::text as control from bill_run where id = any ($1) order by id

-- name: newest
select b.id, b.number, b.bill_date, coalesce(a.external_id, a.id) as account, b.category, b.state, b.net, b.tax, b.due,
       greatest(x.owed - x.paid, 0) as open
from bill_of() b
join bill x on x.id = b.id
join inventory_account() a on a.id = b.account_id
where $1::text is null or a.id = $1 or a.external_id = $1
order by b.id desc limit $2

-- name: account
select id from inventory_account() where id = $1 or external_id = $1

-- name: place
select id from bill_of() where number = $1 or id = $1
union all
select id from bill_line where id = $1
limit 1

-- name: faults
-- The sums that must hold over all bills there are, each with how often it does not.
with own as (select * from bill where category not in ('duplicate')),
added as (
    select b.id, b.net - coalesce(sum(l.net), 0) as net, b.tax - coalesce(sum(l.tax), 0) as tax
    from own b left join bill_line l on l.bill_id = b.id group by b.id, b.net, b.tax
),
tabled as (
    select b.id, b.net - coalesce(sum(t.base), 0) as net, b.tax - coalesce(sum(t.tax), 0) as tax
    from own b left join bill_tax t on t.bill_id = b.id group by b.id, b.net, b.tax
)
select 'bills that are not the sum of their lines' as fault, count(*) as n from added where net <> 0 or tax <> 0
union all
select 'bills that are not the sum of their tax table', count(*) from tabled where net <> 0 or tax <> 0
union all
select 'tax table rows that are not base times rate', count(*) from bill_tax t join own b on b.id = t.bill_id
where b.category <> 'credit note'
  and t.tax <> billing_half_up(t.base / billing_grain(b.currency) * t.tax_rate, 1000000) * billing_grain(b.currency)
union all
select 'usage lines that are not their charge', count(*)
from bill_line l join own b on b.id = l.bill_id and b.category <> 'trial'
left join usage_billed_charge(array(select id from own)) c on c.id = l.id
where l.charge_window is not null and (c.id is null or l.exact <> case when l.tax_included
    then billing_half_up(c.amount * (1000000 + l.tax_rate), 1000000) else c.amount end)
union all
select 'charges that were billed without a line', count(*)
from usage_billed_charge(array(select id from own)) c where not exists (select from bill_line l where l.id = c.id)
union all
select 'charges that are not the sum of their usage records', count(*) from usage_charge_difference()
union all
select 'bills whose documents could not be made', count(*) from own b where b.documents = 'failed'
union all
select 'bills without a number', count(*) from own b
where b.category <> 'trial' and not exists (select from bill_number n where n.bill_id = b.id)
union all
select 'numbers missing', coalesce(sum(s.last - n.count), 0)::bigint
from bill_series s left join lateral (select count(*) from bill_number n where n.series = s.series) n on true
union all
select 'bills whose payments differ', count(*) from own b
where b.owed >= 0 and b.paid <> (select coalesce(sum(u.amount), 0) from payment_use u where u.bill_id = b.id)
union all
select 'payments whose uses differ', count(*) from payment p
where p.spent <> (select coalesce(sum(u.amount), 0) from payment_use u where u.payment_id = p.id)
union all
select 'accounts whose fees are not the sum of their lines', count(*) from (
    select account_id, sum(shown) as shown from (
        select account_id, -shown as shown from bill_fee
        union all
        select l.account_id, l.shown from bill_line l join own b on b.id = l.bill_id
        where l.of_days is not null and b.category in ('normal', 'last', 'interim')) f
    group by account_id having sum(shown) <> 0) x

-- name: sample
-- The lines of the newest bills, in their order.
select l.bill_id, b.currency, b.rounding, l.tax_category, l.tax_rate, l.tax_included, l.shown, l.net, l.tax
from (select * from bill where category in ('normal', 'interim', 'last') order by id desc limit $1) b
join bill_line l on l.bill_id = b.id
order by l.bill_id, l.place
