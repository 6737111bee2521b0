-- The bill run's statements. One batch is one statement: what is claimed, priced, taxed, added up and stored is the same
-- for one account and for twenty thousand. Amounts are micros; while tax is shared out, the currency's coins.

-- define: billing_grain
-- The smallest coin of a currency, in micros.
create function billing_grain(currency text) returns bigint
language sql immutable as $$
    select case when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                                  'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 1000000
                when currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000 else 10000 end
$$

-- define: billing_half_up
-- The quotient rounded half away from zero; the divisor is positive.
create function billing_half_up(a bigint, b bigint) returns bigint
language sql immutable as $$ select sign(a)::bigint * ((2 * abs(a) + b) / (2 * b)) $$

-- define: billing_floor
create function billing_floor(a bigint, b bigint) returns bigint
language sql immutable as $$ select (a - ((a % b) + b) % b) / b $$

-- define: billing_rest
create function billing_rest(a bigint, b bigint) returns bigint
language sql immutable as $$ select ((a % b) + b) % b $$

-- name: keep_cycles
insert into bill_cycle (id, billing_day, starts_at, cutoff, next_cutoff, due_at)
select * from unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                     $6::timestamptz[])
on conflict do nothing

-- name: cycle
select * from bill_cycle where id = $1

-- name: due_cycles
-- Cut-offs that have passed and have no run that succeeded, for the billing days that accounts have; oldest first.
select c.id from bill_cycle c
where c.cutoff <= $1 and c.cutoff > $2 and c.billing_day in (select billing_day from inventory_account() where kind = 'postpaid')
  and not exists (select from bill_run r where r.cycle_id = c.id and r.kind = 'onCycle' and r.state <> 'running')
order by c.cutoff

-- name: run_of_cycle
select id from bill_run where cycle_id = $1 and kind = 'onCycle'

-- name: open_runs
select id from bill_run where state = 'running' order by id

-- name: last_cutoff
-- Of a billing day: up to when runs have billed its accounts.
select max(r.cutoff) from bill_run r join bill_cycle c on c.id = r.cycle_id
where c.billing_day = $1 and r.kind = 'onCycle' and r.state = 'succeeded'

-- name: keep_run
insert into bill_run (id, kind, cycle_id, cutoff, since, state, started_at) values ($1, $2, $3, $4, $5, 'running', $6)
on conflict (cycle_id) where kind = 'onCycle' do nothing
returning id

-- name: accounts_of_day
select id, kind, billing_day from inventory_account() where billing_day = $1 and kind = 'postpaid' order by id

-- name: known_accounts
select id, kind, billing_day from inventory_account() where id = any ($1)

-- name: keep_accounts
insert into bill_account (account_id) select unnest($1::text[]) on conflict do nothing

-- name: close
-- The windows are closed in this transaction, which is short: usage that comes while bills are made goes to the next.
insert into bill_run_item (run_id, account_id, until_window, state)
select $1, w.account_id, w.closed, 'pending' from inventory_close_windows($2) w

-- name: look
-- A trial closes nothing: it sees the open window as it is.
insert into bill_run_item (run_id, account_id, until_window, state)
select $1, w.account_id, w.open_window, 'pending' from inventory_open_windows($2) w

-- name: run
select id, kind, cycle_id, cutoff, since, state, control from bill_run where id = $1

-- name: take
with taken as materialized (
    select i.account_id, i.until_window from bill_run_item i
    where i.run_id = $1 and i.state = 'pending'
    order by i.account_id
    limit $2
    for update skip locked
)
select t.account_id, t.until_window, a.billing_day from taken t join inventory_account() a on a.id = t.account_id
order by t.account_id

-- name: make_room
-- A batch is sorted several times over; it should not go to the disk for that. And it is planned for as many accounts as
-- it has: a plan for any number of them, which the server would come to after some batches, is one for a few. It looks
-- up what its accounts have and reads no table whole, so that an account costs the same however many there are.
select set_config('work_mem', '128MB', true), set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '1.1', true)

-- name: lock_accounts
select account_id from bill_account where account_id = any ($1) order by account_id for no key update

-- name: oldest
select min(valid_from) from inventory_plan_stint($1)

-- name: untaxed
-- Accounts with a charge or an item of a category that has no rate: they wait, with nothing claimed.
select distinct account_id, tax_category from (
    select account_id, tax_category from usage_open_charge() where account_id = any ($1)
    union all
    select account_id, tax_category from bill_item where account_id = any ($1) and bill_id is null
) c
where tax_category <> all ($2::text[])

-- name: fail_items
update bill_run_item set state = 'error', reason = e.reason
from unnest($2::text[], $3::text[]) as e (account_id, reason)
where run_id = $1 and bill_run_item.account_id = e.account_id

-- name: left_over
select count(*) filter (where state = 'pending') as pending, count(*) as items from bill_run_item where run_id = $1

-- name: number
with wanted as (select count(*) as n from unnest($2::text[])),
taken as (
    insert into bill_series (series, last) select $1, n from wanted where n > 0
    on conflict (series) do update set last = bill_series.last + excluded.last
    returning last
)
insert into bill_number (series, number, bill_id)
select $1, last - n + place, id from unnest($2::text[]) with ordinality as b (id, place), taken, wanted

-- name: finish
update bill_run set state = $2, finished_at = $3, control = $4::jsonb where id = $1 and state = 'running' returning id

-- name: control
-- What must come to nothing, of one run: see the proof of billing.
with mine as (select * from bill where run_id = $1),
lines as (select l.*, b.currency from bill_line l join mine b on b.id = l.bill_id),
claimed as (
    select coalesce(sum(case when l.tax_included then billing_half_up(c.amount * (1000000 + l.tax_rate), 1000000)
                             else c.amount end - coalesce(l.exact, 0)), 0) as beyond
    from usage_billed_charge(array(select id from mine)) c left join lines l on l.id = c.id
),
added as (
    select b.id, b.net, b.tax, b.rounding, sum(l.net) as line_net, sum(l.tax) as line_tax
    from mine b left join lines l on l.bill_id = b.id group by b.id, b.net, b.tax, b.rounding
),
numbers as (
    select series, max(number) - min(number) + 1 - count(*) as gap from bill_number n join mine b on b.id = n.bill_id
    group by series
)
select jsonb_build_object(
    'items', (select count(*) from bill_run_item where run_id = $1),
    'bills', (select count(*) from mine),
    'empty', (select count(*) from bill_run_item where run_id = $1 and state = 'empty'),
    'held', (select count(*) from bill_run_item where run_id = $1 and state = 'held'),
    'error', (select count(*) from bill_run_item where run_id = $1 and state = 'error'),
    'lines', (select count(*) from lines),
    'net', (select coalesce(sum(net), 0) from mine),
    'tax', (select coalesce(sum(tax), 0) from mine),
    'dropped', (select coalesce(sum(exact - shown), 0) from lines),
    'zero', jsonb_build_object(
        'usageClaimedLessLines', (select beyond from claimed),
        'linesLessNet', (select coalesce(sum(line_net - net), 0) from added),
        'linesLessTax', (select coalesce(sum(line_tax - tax), 0) from added),
        'billsThatDiffer', (select count(*) from added where line_net <> net or line_tax <> tax),
        'taxTableThatDiffers', (
            select count(*) from bill_tax t join mine b on b.id = t.bill_id
            where t.tax <> billing_half_up(t.base / billing_grain(b.currency) * t.tax_rate, 1000000)
                           * billing_grain(b.currency)),
        'itemsLessOutcomes', (
            select count(*) filter (where state = 'pending')
                   + abs(count(*) filter (where state in ('done', 'held')) - (select count(*) from mine))
            from bill_run_item where run_id = $1),
        'billsWithoutNumber', (
            select count(*) from mine b where category <> 'trial'
              and not exists (select from bill_number n where n.bill_id = b.id)),
        'numbersMissing', (select coalesce(sum(gap), 0) from numbers where $2))) as control
