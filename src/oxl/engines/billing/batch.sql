-- One batch of a bill run, in one statement. Inside it accounts are called by their place in the batch, n: what is
-- sorted and joined is small, and the texts of lines are touched once, when they are written.

-- name: bill
-- $1 run, $2 accounts, $3 their bills, $4 windows up to which usage is billed, $5 now, $6 cut-off, $7 its local day,
-- $8 time zone, $9 first day that is charged, $10 first period that is looked at again, $11 prices, $12 periods,
-- $13 frames by billing day, $14 tax categories, $15 their rates, $16 whether it is a trial, $17 category, $18 how bills
-- begin, $19 hold above so many times the median, $20 cycle, $21 names of usage components, $22 discounts on fees
with price as materialized (
    select * from jsonb_to_recordset($11::jsonb) as p (
        plan_id text, version int, from_day date, to_day date, component text, name text, price bigint, recurring bool,
        in_advance bool, by_day bool, tax_category text, tax_included bool, shared bool)
), period as materialized (
    select * from jsonb_to_recordset($12::jsonb) as p (
        day int, starts date, ends date, starts_at timestamptz, ends_at timestamptz)
), frame as materialized (
    select * from jsonb_to_recordset($13::jsonb) as f (
        day int, starts_at timestamptz, due_at timestamptz, next_at timestamptz)
), rate as materialized (
    select * from unnest($14::text[], $15::bigint[]) as t (tax_category, rate)
), named as materialized (
    select * from jsonb_to_recordset($21::jsonb) as n (plan_id text, component text, name text)
), saving as materialized (
    select * from jsonb_to_recordset($22::jsonb) as d (
        plan_id text, version int, component text, id text, name text, share numeric, from_month int, to_month int)
), batch as materialized (
    -- exempt: the category of which everything is on the bill of an account that need not pay tax.
    select w.n, w.account_id, w.bill_id, a.billing_day as day, a.currency, billing_grain(a.currency) as grain, k.bills,
           k.billed_until, x.tax_category as exempt
    from unnest($2::text[], $3::text[]) with ordinality as w (account_id, bill_id, n)
    join inventory_account() a on a.id = w.account_id
    join bill_account k on k.account_id = w.account_id
    left join (select distinct on (account_id) account_id, tax_category from tax_exemption
               where valid_from <= $6 and (valid_to is null or valid_to > $6)
               order by account_id, valid_from desc) x on x.account_id = w.account_id
), stay as materialized (
    select * from inventory_plan_stint($2)
), stint as materialized (
    -- A product on a plan. What a plan shares is charged once: its products are one there, the first of them.
    select b.n, b.day, b.grain, b.exempt, s.plan_id, min(s.product_id) as product_id, bool_or(s.first) as first,
           (min(s.valid_from) at time zone $8)::date as from_day,
           case when bool_and(s.valid_to is not null) then (max(s.valid_to) at time zone $8)::date
                else 'infinity' end as to_day
    from stay s
    join batch b on b.account_id = s.account_id
    left join (select distinct plan_id from price where shared) h on h.plan_id = s.plan_id
    group by b.n, b.day, b.grain, b.exempt, s.plan_id,
             case when h.plan_id is null then s.product_id end, case when h.plan_id is null then s.valid_from end
), owed as (
    select s.n, s.grain, s.exempt, s.product_id, s.from_day as since, p.component, f.starts as period_start, p.plan_id,
           p.version, p.name, p.tax_category, p.tax_included, true as recurring, d.days, f.ends - f.starts as of_days,
           billing_half_up(p.price * d.days, f.ends - f.starts) as exact,
           billing_half_up(p.price * d.days, (f.ends - f.starts) * s.grain) * s.grain as shown
    from stint s
    join period f on f.day = s.day and f.starts < s.to_day and f.ends > s.from_day
    join price p on p.plan_id = s.plan_id and p.recurring and p.from_day <= greatest(f.starts, s.from_day)
                and greatest(f.starts, s.from_day) < p.to_day
    cross join lateral (
        select case when p.by_day then least(s.to_day, f.ends) - greatest(s.from_day, f.starts, $9)
                    when s.to_day > greatest(s.from_day, f.starts, $9) then f.ends - f.starts end as days
    ) d
    where s.from_day <= $7 and d.days > 0 and f.ends > $9 and f.starts >= $10
      and case when p.in_advance then f.starts else f.ends end <= $7
    union all
    select s.n, s.grain, s.exempt, s.product_id, s.from_day, p.component, s.from_day, p.plan_id, p.version, p.name,
           p.tax_category, p.tax_included, false, 1, 1, p.price, billing_half_up(p.price, s.grain) * s.grain
    from stint s
    join price p on p.plan_id = s.plan_id and not p.recurring and p.from_day <= s.from_day and s.from_day < p.to_day
    where s.first and s.from_day between $9 and $7 and s.from_day < s.to_day
), due as (
    select o.*, t.rate, o.exempt is not null and t.rate > 0 as free
    from owed o left join rate t on t.tax_category = o.tax_category
), had as (
    select b.n, f.* from bill_fee f join batch b on b.account_id = f.account_id
    where f.account_id = any ($2) and (not f.recurring or f.period_start >= $10)
), fee as materialized (
    -- What is due less what was charged: a fee, or what is given back of one that was charged in advance. Who need not
    -- pay tax pays the price without it; a fee that was charged already stays with the tax with which it was.
    select n, product_id, since, component, period_start, coalesce(d.plan_id, f.plan_id) as plan_id,
           coalesce(d.version, f.plan_version) as version, coalesce(d.name, f.name) as name,
           coalesce(f.tax_category, case when d.free then d.exempt else d.tax_category end) as tax_category,
           coalesce(f.tax_included, d.tax_included and not d.free) as tax_included,
           coalesce(d.recurring, f.recurring) as recurring, coalesce(d.days, 0) as days, d.of_days,
           coalesce(e.exact, 0) as due_exact, coalesce(e.shown, 0) as due_shown, f.account_id is not null as is_known,
           coalesce(e.exact, 0) - coalesce(f.exact, 0) as exact, coalesce(e.shown, 0) - coalesce(f.shown, 0) as shown
    from due d
    full join had f using (n, product_id, since, component, period_start)
    cross join lateral (
        select case when bare then billing_half_up(d.exact * 1000000, 1000000 + d.rate) else d.exact end as exact,
               case when bare then billing_half_up(d.shown * 1000000, (1000000 + d.rate) * d.grain) * d.grain
                    else d.shown end as shown
        from (select d.tax_included and not coalesce(f.tax_included, not d.free) as bare) g
    ) e
    where (d.n is not null or f.recurring) and (e.shown, e.exact) is distinct from (f.shown, f.exact)
), begun as (
    select product_id, (min(valid_from) at time zone $8)::date as on_day from stay group by product_id
), saved as (
    -- Discounts on fees, by how long the product had been there when the period began; what a fee gives back gives back
    -- of its discount too. Several are taken one after another, which is in their shares.
    select f.n, f.product_id, f.plan_id, f.version, f.period_start, f.tax_category, f.tax_included, f.recurring, s.id, s.name,
           round(sum(-f.shown * s.share))::bigint as exact
    from fee f
    join saving s on s.plan_id = f.plan_id and s.version = f.version and s.component = f.component
    join begun g on g.product_id = f.product_id
    cross join lateral (
        select 12 * (extract(year from f.period_start) - extract(year from g.on_day))
               + extract(month from f.period_start) - extract(month from g.on_day)
               - (extract(day from f.period_start) < extract(day from g.on_day))::int as months
    ) m
    where f.shown <> 0 and m.months >= s.from_month and (s.to_month is null or m.months < s.to_month)
    group by f.n, f.product_id, f.plan_id, f.version, f.period_start, f.tax_category, f.tax_included, f.recurring, s.id, s.name
), claimed as (
    select * from usage_claim_charges($2, $4, $3, not $16)
), item as (
    select i.*, b.n, b.grain, t.rate, b.exempt is not null and t.rate > 0 as free, b.exempt
    from bill_item i join batch b on b.account_id = i.account_id join rate t on t.tax_category = i.tax_category
    where i.bill_id is null and i.valid_from <= $6 and (i.valid_to is null or i.valid_to > $6)
), raw as (
    select 1 as sort, b.n, c.id as line_id, 'usageCharge' as rate_type,
           coalesce(n.name, c.component) as name, c.component, c.product_id,
           s.plan_id, null::int as version, c.zone, c.charge_window, c.unit, c.quantity, c.events, null::int as of_days,
           c.first_at as period_start, c.last_at as period_end,
           case when t.free then b.exempt else c.tax_category end as tax_category, t.included as tax_included,
           case when t.included then billing_half_up(c.amount * (1000000 + r.rate), 1000000) else c.amount end as exact,
           null::bigint as shown
    from claimed c
    join batch b on b.account_id = c.account_id
    join rate r on r.tax_category = c.tax_category
    left join stay s on s.product_id = c.product_id and s.valid_from <= c.last_at
                    and (s.valid_to is null or c.last_at < s.valid_to)
    left join (select plan_id, bool_or(tax_included) as included from price group by plan_id) p on p.plan_id = s.plan_id
    left join named n on n.plan_id = s.plan_id and n.component = c.component
    cross join lateral (
        select b.exempt is not null and r.rate > 0 as free,
               coalesce(p.included, false) and (b.exempt is null or r.rate = 0) as included
    ) t
    union all
    select case when f.recurring then 2 else 3 end, f.n, null,
           case when f.shown < 0 then 'productAlteration' when f.recurring then 'recurringCharge' else 'oneTimeCharge' end,
           f.name, f.component, f.product_id, f.plan_id, f.version, null, null, 'day', f.days, null, f.of_days,
           coalesce(p.starts_at, f.since::timestamp at time zone $8), coalesce(p.ends_at, f.since::timestamp at time zone $8),
           f.tax_category, f.tax_included, f.exact, f.shown
    from fee f
    join batch b on b.n = f.n
    left join period p on p.day = b.day and p.starts = f.period_start and f.recurring
    union all
    select 4, i.n, 'i.' || i.id, i.rate_type, i.name, i.id, null, null, null, null, null, null, null, null, null,
           i.valid_from, i.valid_from, case when i.free then i.exempt else i.tax_category end,
           i.tax_included and not i.free,
           case when i.free and i.tax_included then billing_half_up(i.amount * 1000000, 1000000 + i.rate) else i.amount end,
           null
    from item i where i.amount is not null
    union all
    select 5, i.n, null, i.rate_type, i.name, i.id, null, null, null, null, null, null, null, null, null,
           i.valid_from, $6, f.tax_category, f.tax_included, billing_half_up(sum(f.shown)::bigint * i.percent, 1000000), null
    from item i join fee f on f.n = i.n and f.recurring
    where i.percent is not null
    group by i.n, i.rate_type, i.name, i.id, i.percent, i.valid_from, f.tax_category, f.tax_included
    union all
    select 6, s.n, null, 'discount', s.name, s.id, s.product_id, s.plan_id, s.version, null, null, null, null, null,
           null, coalesce(p.starts_at, s.period_start::timestamp at time zone $8),
           coalesce(p.ends_at, s.period_start::timestamp at time zone $8), s.tax_category, s.tax_included, s.exact, null
    from saved s
    join batch b on b.n = s.n
    left join period p on p.day = b.day and p.starts = s.period_start and s.recurring
), flat as materialized (
    select r.*, t.rate, coalesce(r.shown / b.grain, billing_half_up(r.exact, b.grain)) as coins,
           row_number() over (partition by r.n order by r.sort, r.product_id, r.component, r.zone, r.period_start,
                              r.charge_window, r.tax_category, r.tax_included, r.rate_type, r.plan_id, r.version,
                              r.quantity, r.exact) as place
    from raw r join batch b on b.n = r.n join rate t on t.tax_category = r.tax_category
), inside as (
    select n, place, tax_category, rate, tax_included, coins,
           case when tax_included then billing_floor(coins * 1000000, 1000000 + rate) else coins end as net_floor,
           case when tax_included then billing_rest(coins * 1000000, 1000000 + rate) end as net_rest
    from flat
), netted as (
    select i.*, net_floor as net from inside i where not tax_included
    union all
    select i.*, net_floor + case when row_number() over shown_with <= billing_half_up(
               (sum(coins) over whole)::bigint * 1000000, 1000000 + rate) - sum(net_floor) over whole then 1 else 0 end
    from inside i where tax_included
    window shown_with as (partition by n, tax_category order by net_rest desc, place),
           whole as (partition by n, tax_category)
), taxed as materialized (
    select t.*, billing_floor(net * rate, 1000000) + case when row_number() over ranked <= billing_half_up(
               (sum(net) over whole)::bigint * rate, 1000000) - sum(billing_floor(net * rate, 1000000)) over whole
               then 1 else 0 end as tax
    from netted t
    window ranked as (partition by n, tax_category order by billing_rest(net * rate, 1000000) desc, place),
           whole as (partition by n, tax_category)
), lines as (
    insert into bill_line (id, bill_id, place, account_id, rate_type, name, component, product_id, plan_id, plan_version,
                           zone, charge_window, unit, quantity, events, of_days, period_start, period_end, tax_category,
                           tax_rate, tax_included, exact, shown, net, tax)
    select case when $16 or f.line_id is null then b.bill_id || '.' || place else f.line_id end, b.bill_id, place,
           b.account_id, f.rate_type, f.name, f.component, f.product_id, f.plan_id, f.version, f.zone, f.charge_window,
           f.unit, f.quantity, f.events, f.of_days, f.period_start, f.period_end, f.tax_category, f.rate, f.tax_included,
           f.exact, f.coins * b.grain, t.net * b.grain, t.tax * b.grain
    from flat f join taxed t using (n, place) join batch b using (n)
), category as materialized (
    select n, tax_category, rate, sum(net)::bigint as base,
           billing_half_up(sum(net)::bigint * rate, 1000000) as tax,
           coalesce(sum(coins) filter (where tax_included), 0)::bigint as given,
           coalesce(sum(net) filter (where tax_included), 0)::bigint as inside
    from taxed group by n, tax_category, rate
), taxes as (
    insert into bill_tax (bill_id, tax_category, tax_rate, base, tax)
    select b.bill_id, tax_category, rate, base * b.grain, tax * b.grain from category c join batch b using (n)
), total as materialized (
    select n, sum(base)::bigint as net, sum(tax)::bigint as tax,
           sum(given - inside - tax + billing_half_up((base - inside) * rate, 1000000))::bigint as rounding
    from category group by n
), unpaid as (  -- read once for the batch: the planner may think of an empty table what has grown since
    select x.account_id, sum(x.owed - x.paid)::bigint as amount from bill x
    where x.account_id = any ($2) and x.paid < x.owed and x.category not in ('trial', 'duplicate') group by x.account_id
), credit as (
    select p.account_id, sum(p.amount - p.spent)::bigint as amount from payment p
    where p.account_id = any ($2) and p.spent < p.amount group by p.account_id
), usual as (
    select account_id, count(*) as n, percentile_disc(0.5) within group (order by owed) as middle
    from (select x.account_id, x.owed, row_number() over (partition by x.account_id order by x.place desc) as back
          from bill x where x.account_id = any ($2) and x.category in ('normal', 'last')) y
    where back <= 3 group by account_id
), judged as materialized (
    select b.n, b.bill_id, b.account_id, b.day, b.currency, b.bills, b.billed_until, t.net * b.grain as net,
           t.tax * b.grain as tax, t.rounding * b.grain as rounding,
           coalesce(u.amount, 0) - coalesce(c.amount, 0) as carried,
           case when m.n >= 3 and (t.net + t.tax + t.rounding) * b.grain > m.middle * $19::bigint
                then 'aboveUsual' end as held_why,
           l.n is null as ended
    from total t join batch b on b.n = t.n
    left join (select distinct n from stint where to_day > $7) l on l.n = t.n
    left join unpaid u on u.account_id = b.account_id
    left join credit c on c.account_id = b.account_id
    left join usual m on m.account_id = b.account_id
), made as (
    insert into bill (id, run_id, account_id, place, category, state, held_why, cycle_id, currency, bill_date,
                      period_start, period_end, due_at, next_at, net, tax, rounding, carried, created_at, updated_at)
    select j.bill_id, $1, j.account_id, j.bills + 1,
           case when $16 then 'trial' when j.ended then 'last' else $17 end,
           case when $16 then 'new' when j.held_why is not null then 'onHold' else $18 end,
           case when $16 then null else j.held_why end, $20, j.currency, $6,
           least(greatest(f.starts_at, j.billed_until), $6), $6, f.due_at, case when not j.ended then f.next_at end,
           j.net, j.tax, j.rounding, j.carried, $5, $5
    from judged j join frame f on f.day = j.day
    returning id, account_id, state, owed, carried
), kept_fees as (
    insert into bill_fee (account_id, product_id, since, component, period_start, plan_id, plan_version, name,
                          tax_category, tax_included, recurring, exact, shown)
    select b.account_id, product_id, since, component, period_start, plan_id, version, name, tax_category, tax_included,
           recurring, due_exact, due_shown
    from fee f join batch b on b.n = f.n where not $16 and not is_known
), changed_fees as (
    update bill_fee k set exact = f.due_exact, shown = f.due_shown
    from fee f join batch b on b.n = f.n
    where not $16 and f.is_known and (k.account_id, k.product_id, k.since, k.component, k.period_start)
                                     = (b.account_id, f.product_id, f.since, f.component, f.period_start)
), kept_items as (
    update bill_item set bill_id = b.bill_id from item i join batch b on b.n = i.n
    where bill_item.id = i.id and i.amount is not null and not $16
), outcomes as (
    update bill_run_item i
    set state = case when j.n is null then 'empty' when j.held_why is not null and not $16 then 'held' else 'done' end,
        bill_id = j.bill_id, reason = j.held_why
    from batch b left join judged j on j.n = b.n
    where i.run_id = $1 and i.account_id = b.account_id and i.account_id = any ($2)
), counted as (
    update bill_account k
    set bills = k.bills + (j.n is not null)::int, billed_until = case when $16 then k.billed_until else $6 end
    from batch b left join judged j on j.n = b.n
    where k.account_id = b.account_id and k.account_id = any ($2)
)
select id, account_id, state, owed, carried from made order by id
