-- Bills as they stand: read by others, changed by people, asked for, copied and taken back.

-- define: bill_of
-- Bills with their numbers; `due` is what was to be paid when a bill was made.
create function bill_of()
returns table (
    id text, account_id text, category text, of_bill text, state text, held_why text, cycle_id text, run_id text,
    run_type text, number text, currency text, bill_date timestamptz, period_start timestamptz, period_end timestamptz,
    due_at timestamptz, next_at timestamptz, net bigint, tax bigint, rounding bigint, carried bigint, owed bigint,
    due bigint, place int, updated_at timestamptz, lines_of text
)
language sql stable as $$
    select b.id, b.account_id, b.category, b.of_bill, b.state, b.held_why, b.cycle_id, b.run_id,
           case when b.cycle_id is null then 'offCycle' else 'onCycle' end,
           n.series || '-' || lpad(n.number::text, 8, '0'), b.currency, b.bill_date, b.period_start, b.period_end, b.due_at,
           b.next_at, b.net, b.tax, b.rounding, b.carried, b.owed,
           case when b.category = 'duplicate' then 0 else b.owed + b.carried end, b.place, b.updated_at,
           case when b.category = 'duplicate' then b.of_bill else b.id end
    from bill b
    left join bill_number n on n.bill_id = case when b.category = 'duplicate' then b.of_bill else b.id end
$$

-- define: bill_tax_of
create function bill_tax_of(bill text) returns table (tax_category text, tax_rate bigint, base bigint, tax bigint)
language sql stable as 'select tax_category, tax_rate, base, tax from bill_tax where bill_id = bill order by tax_category'

-- define: bill_payment_of
-- What was paid since a bill was made of what it asked for: of itself, and of what it had carried over.
create function bill_payment_of(account text, bill_place int) returns table (payment_id text, reference text, amount bigint)
language sql stable as $$
    select p.id, p.reference, sum(u.amount)::bigint
    from payment p
    join payment_use u on u.payment_id = p.id
    join bill b on b.id = u.bill_id
    where p.account_id = account and b.place <= bill_place and u.place >= bill_place
    group by p.id, p.reference order by p.id
$$

-- define: bill_cycle_of
create function bill_cycle_of()
returns table (id text, billing_day smallint, starts_at timestamptz, cutoff timestamptz, next_cutoff timestamptz,
               due_at timestamptz)
language sql stable as 'select id, billing_day, starts_at, cutoff, next_cutoff, due_at from bill_cycle'

-- define: bill_line_of
-- What has been billed; a trial bills nothing.
create function bill_line_of(ids text[], bills text[])
returns table (
    id text, bill_id text, place int, account_id text, rate_type text, name text, component text, product_id text,
    plan_id text, plan_version int, zone text, charge_window bigint, unit text, quantity bigint, events bigint, of_days int,
    period_start timestamptz, period_end timestamptz, tax_category text, tax_rate bigint, tax_included bool, exact bigint,
    shown bigint, net bigint, tax bigint
)
language sql stable as $$
    select l.* from bill_line l where (ids is null or l.id = any (ids)) and (bills is null or l.bill_id = any (bills))
$$

-- define: bill_item_of
create function bill_item_of()
returns table (id text, account_id text, rate_type text, name text, amount bigint, percent bigint, tax_category text,
               tax_included bool, valid_from timestamptz, valid_to timestamptz, bill_id text, created_at timestamptz)
language sql stable as $$
    select id, account_id, rate_type, name, amount, percent, tax_category, tax_included, valid_from, valid_to, bill_id,
           created_at
    from bill_item
$$

-- define: bill_run_of
create function bill_run_of()
returns table (id text, kind text, cycle_id text, cutoff timestamptz, state text, started_at timestamptz,
               finished_at timestamptz, control jsonb, items bigint, pending bigint)
language sql stable as $$
    select r.id, r.kind, r.cycle_id, r.cutoff, r.state, r.started_at, r.finished_at, r.control, i.items, i.pending
    from bill_run r
    cross join lateral (select count(*) as items, count(*) filter (where x.state = 'pending') as pending
                        from bill_run_item x where x.run_id = r.id) i
$$

-- define: bill_demand_of
create function bill_demand_of()
returns table (id text, kind text, account_id text, of_bill text, state text, reason text, bill_id text,
               created_at timestamptz, updated_at timestamptz, body jsonb)
language sql stable as $$
    select id, kind, account_id, of_bill, state, reason, bill_id, created_at, updated_at, body from bill_demand
$$

-- define: bill_credit_of
create function bill_credit_of()
returns table (id text, reference text, kind text, account_id text, currency text, amount bigint, spent bigint,
               received_at timestamptz)
language sql stable as 'select id, reference, kind, account_id, currency, amount, spent, received_at from payment'

-- define: bill_credit_use_of
create function bill_credit_use_of(payment text) returns table (bill_id text, amount bigint)
language sql stable as 'select bill_id, amount from payment_use where payment_id = payment order by bill_id'

-- name: lock_bills
select b.id, b.account_id, b.category, b.state, b.owed, b.paid from bill b where b.id = any ($1) order by b.id for no key update

-- name: known_cycles
select id from bill_cycle where id = any ($1)

-- name: set_states
update bill set state = s.state, cycle_id = coalesce(s.cycle_id, bill.cycle_id), updated_at = $1,
                held_why = case when s.state = 'onHold' then bill.held_why end
from unnest($2::text[], $3::text[], $4::text[]) as s (id, state, cycle_id)
where bill.id = s.id

-- name: keep_items
insert into bill_item (id, account_id, rate_type, name, amount, percent, tax_category, tax_included, valid_from, valid_to,
                       created_at)
select i.id, i.account_id, i.rate_type, i.name, i.amount, i.percent, i.tax_category, i.tax_included, i.valid_from,
       i.valid_to, $1
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bool[],
            $10::timestamptz[], $11::timestamptz[])
    as i (id, account_id, rate_type, name, amount, percent, tax_category, tax_included, valid_from, valid_to)

-- name: accounts
select id, currency, kind from inventory_account() where id = any ($1)

-- name: keep_demands
-- Of an account one bill is asked for at a time: those that are not returned are others.
insert into bill_demand (id, kind, account_id, of_bill, state, created_at, updated_at, body)
select d.id, d.kind, d.account_id, d.of_bill, 'inProgress', $1, $1, d.body::jsonb
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as d (id, kind, account_id, of_bill, body)
order by d.account_id, d.id
on conflict (account_id) where kind = 'interim' and state = 'inProgress' and reason is null do nothing
returning id

-- name: keep_seconds
insert into bill_demand (id, kind, account_id, of_bill, state, reason, created_at, updated_at, body)
select d.id, d.kind, d.account_id, d.of_bill, 'inProgress', 'alreadyRequested', $1, $1, d.body::jsonb
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as d (id, kind, account_id, of_bill, body)

-- name: open_demands
-- Those asked for that nobody is at. One whose bill is made already only waits to be told of.
select id, kind, account_id, of_bill, bill_id, reason, body from bill_demand
where state = 'inProgress' order by id limit $1 for update skip locked

-- name: link_demand
update bill_demand set run_id = $2, bill_id = $3 where id = $1

-- name: note_demand
update bill_demand set reason = $2 where id = $1

-- name: end_demand
update bill_demand set state = $2, reason = $3, updated_at = $4 where id = $1 and state = 'inProgress'

-- name: outcome
select i.state, i.reason, i.bill_id from bill_run_item i where i.run_id = $1

-- name: copy_bill
-- A duplicate claims nothing and asks for nothing; a credit note asks for less than nothing.
insert into bill (id, account_id, place, category, of_bill, state, currency, bill_date, period_start, period_end, due_at,
                  net, tax, rounding, paid, created_at, updated_at)
select $2, b.account_id, k.bills, $3, b.id, $4, b.currency, case $3 when 'duplicate' then b.bill_date else $5 end,
       b.period_start, b.period_end, case $3 when 'duplicate' then b.due_at else $5 end, $6, $7, $8, 0, $5, $5
from bill b join bill_account k on k.account_id = b.account_id
where b.id = $1

-- name: count_bill
update bill_account set bills = bills + 1 where account_id = $1

-- name: bill
select id, account_id, category, currency, net, tax, rounding, owed from bill where id = $1

-- name: lines
select id, place, tax_category, tax_rate, tax_included, shown, net, tax from bill_line where bill_id = $1 order by place

-- name: taken_back
select l.component as id from bill_line l join bill b on b.id = l.bill_id
where b.of_bill = $1 and b.category = 'credit note'

-- name: copy_lines
insert into bill_line (id, bill_id, place, account_id, rate_type, name, component, product_id, plan_id, plan_version, zone,
                       unit, quantity, events, of_days, period_start, period_end, tax_category, tax_rate, tax_included,
                       exact, shown, net, tax)
select $1 || '.' || row_number() over (order by l.place), $1, row_number() over (order by l.place), l.account_id,
       'productAlteration', l.name, l.id, l.product_id, l.plan_id, l.plan_version, l.zone, l.unit, l.quantity, l.events,
       l.of_days, l.period_start, l.period_end, l.tax_category, l.tax_rate, l.tax_included, -l.shown, -l.shown, -c.net, -c.tax
from bill_line l join unnest($2::text[], $3::bigint[], $4::bigint[]) as c (id, net, tax) on c.id = l.id

-- name: keep_taxes
insert into bill_tax (bill_id, tax_category, tax_rate, base, tax)
select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
