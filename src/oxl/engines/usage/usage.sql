-- The usage engine's statements.

-- define: usage_record
create function usage_record()
returns table (
    id text, status text, reason text, usage_type text, specification_id text, started_at timestamptz, product_id text,
    account_id text, device_id text, plan_id text, plan_version int, unit text, quantity bigint, prices jsonb,
    created_at timestamptz, updated_at timestamptz, body jsonb
)
language sql stable as $$
    select id, status, reason, usage_type, specification_id, started_at, product_id, account_id, device_id, plan_id,
           plan_version, unit, quantity, prices, created_at, updated_at, body
    from usage
$$

-- define: usage_import_report
create function usage_import_report()
returns table (id text, file text, started_at timestamptz, finished_at timestamptz, counts jsonb)
language sql stable as 'select id, file, started_at, finished_at, counts from usage_import'

-- define: usage_charge_id
create function usage_charge_id(account text, win bigint, product text, component text, zone text, category text)
returns text
language sql immutable as $$
    select 'u.' || account || '.' || win::text || '.' || product || '.' || component || '.' || zone || '.' || category
$$

-- define: usage_open_charge
-- What is owed for usage and not billed yet.
create function usage_open_charge()
returns table (id text, account_id text, charge_window bigint, product_id text, component text, zone text,
               tax_category text, unit text, quantity bigint, amount bigint, events bigint, first_at timestamptz,
               last_at timestamptz)
language sql stable as $$
    select usage_charge_id(account_id, charge_window, product_id, component, zone, tax_category), account_id, charge_window,
           product_id, component, zone, tax_category, unit, quantity, amount, events, first_at, last_at
    from charge where bill_id is null
$$

-- define: usage_billed_charge
create function usage_billed_charge(bills text[]) returns table (id text, bill_id text, amount bigint)
language sql stable as $$
    select usage_charge_id(account_id, charge_window, product_id, component, zone, tax_category), bill_id, amount
    from charge where bill_id = any (bills)
$$

-- define: usage_net
-- What a revision has added to its window, in micros.
create function usage_net(charges jsonb) returns bigint
language sql immutable as $$ select sum((c ->> 5)::bigint)::bigint from jsonb_array_elements(charges) c $$

-- define: usage_charge_difference
-- Charges that are not the sum of what the records, as they are and as they were, have added to their window.
create function usage_charge_difference() returns table (account_id text, charge_window bigint, difference numeric)
language sql stable as $$
    select account_id, charge_window, sum(amount) from (
        select account_id, charge_window, amount::numeric from charge
        union all
        select u.account_id, u.charge_window, -usage_net(u.charges) from usage u where u.charge_window is not null
        union all
        select h.account_id, h.charge_window, -usage_net(h.charges) from usage_history h where h.charge_window is not null) d
    group by account_id, charge_window having sum(amount) <> 0
$$

-- define: usage_claim_charges
-- The open charges of accounts up to a window each; where `claim` says so they are the bill's from now on.
create function usage_claim_charges(accounts text[], windows bigint[], bills text[], claim bool)
returns table (id text, account_id text, charge_window bigint, product_id text, component text, zone text,
               tax_category text, unit text, quantity bigint, amount bigint, events bigint, first_at timestamptz,
               last_at timestamptz)
language sql volatile as $$
    with wanted as materialized (
        select * from unnest(accounts, windows, bills) as w (account_id, until_window, bill_id)
    ), claimed as (
        update charge c set bill_id = w.bill_id from wanted w
        where claim and c.account_id = w.account_id and c.charge_window <= w.until_window and c.bill_id is null
        returning c.*
    ), seen as (
        select * from claimed
        union all
        select c.* from charge c join wanted w on w.account_id = c.account_id
        where not claim and c.charge_window <= w.until_window and c.bill_id is null
    )
    select usage_charge_id(s.account_id, s.charge_window, s.product_id, s.component, s.zone, s.tax_category), s.account_id,
           s.charge_window, s.product_id, s.component, s.zone, s.tax_category, s.unit, s.quantity, s.amount, s.events,
           s.first_at, s.last_at
    from seen s
$$

-- define: usage_behind_charge
-- The records that a charge is the sum of, each with its plan version and what it adds, in micros; one that was rated
-- again or taken out adds what that came to.
create function usage_behind_charge(account text, win bigint, product text, component text, zone text)
returns table (id text, started_at timestamptz, plan_id text, plan_version int, unit text, quantity bigint, net bigint)
language sql stable as $$
    select u.id, u.started_at, u.plan_id, u.plan_version, u.unit, sum((c ->> 4)::bigint)::bigint,
           sum((c ->> 5)::bigint)::bigint
    from (select id, charges from usage where account_id = account and charge_window = win
          union all
          select usage_id, charges from usage_history where account_id = account and charge_window = win) r
    join usage u on u.id = r.id
    cross join lateral jsonb_array_elements(r.charges) c
    where u.product_id = product and c ->> 0 = usage_behind_charge.component and c ->> 1 = usage_behind_charge.zone
    group by u.id, u.started_at, u.plan_id, u.plan_version, u.unit
    having sum((c ->> 4)::bigint) <> 0 or sum((c ->> 5)::bigint) <> 0
$$

-- define: usage_recent
-- What devices have used since then, by day before now, zone and bucket, and what was paid for it beyond allowances;
-- `in_window`: since the instant given for the device.
create function usage_recent(devices text[], windows timestamptz[], since timestamptz, now_ timestamptz)
returns table (device_id text, specification_id text, zone text, unit text, bucket_id text, days_ago int, in_window bool,
               quantity bigint, charged bigint)
language sql stable as $$
    select w.device, u.specification_id, l ->> 'zone', l ->> 'unit', l ->> 'bucket',
           floor(extract(epoch from now_ - u.started_at) / 86400)::int, u.started_at >= w.start,
           sum((l ->> 'quantity')::bigint)::bigint, sum((l ->> 'gross')::bigint)::bigint
    from unnest(devices, windows) as w (device, start)
    join usage u on u.device_id = w.device and u.started_at > since and u.started_at <= now_
                and u.status in ('rated', 'corrected')
    cross join lateral jsonb_array_elements(u.prices) l
    group by 1, 2, 3, 4, 5, 6, 7
$$

-- define: usage_by_day
-- How much devices have used within a time, by unit and local day.
create function usage_by_day(devices text[], since timestamptz, until timestamptz, time_zone text)
returns table (device_id text, unit text, day date, quantity bigint)
language sql stable as $$
    select u.device_id, u.unit, (u.started_at at time zone time_zone)::date, sum(u.quantity)::bigint
    from usage u
    where u.device_id = any (devices) and u.started_at >= since and u.started_at < until
      and u.status in ('rated', 'corrected', 'notRated') and u.unit is not null
    group by 1, 2, 3
$$

-- define: usage_export_job
create function usage_export_job()
returns table (id text, status text, created_at timestamptz, completed_at timestamptz, body jsonb, row_count bigint,
               row_total bigint, size bigint, checksum text, url text, error text)
language sql stable as $$
    select id, status, created_at, completed_at, body, row_count, row_total, size, checksum, url, error from export_job
$$

-- define: usage_unbilled
-- What an account owes for a product's usage that is on no bill, by window and unit of what was used; net, in micros.
create function usage_unbilled(account text, product text)
returns table (charge_window bigint, unit text, quantity bigint, amount bigint, first_at timestamptz)
language sql stable as $$
    select charge_window, unit, sum(quantity)::bigint, sum(amount)::bigint, min(first_at)
    from charge where account_id = account and product_id = product and bill_id is null
    group by charge_window, unit
$$

-- define: usage_owed
create function usage_owed(account text) returns table (amount numeric)
language sql stable as 'select sum(amount) from charge where account_id = account and bill_id is null'

-- define: usage_lately
-- The devices of usages that were taken since the one of that id.
create function usage_lately(first text) returns table (device_id text)
language sql stable as 'select distinct device_id from usage where id >= first and device_id is not null'

-- name: claim
-- A key that another transaction is claiming is waited for; what is not returned was taken before.
insert into usage_key (key, usage_id, body_hash, version)
select key, usage_id, body_hash, version
from unnest($1::bytea[], $2::text[], $3::bytea[], $4::int[]) as k (key, usage_id, body_hash, version)
order by key
on conflict do nothing
returning key

-- name: taken
select key, usage_id, version from usage_key where key = any ($1)

-- name: taken_locked
select key, usage_id, version from usage_key where key = any ($1) order by key for update

-- name: hand_keys_over
update usage_key u set usage_id = k.usage_id, body_hash = k.body_hash, version = k.version
from unnest($1::bytea[], $2::text[], $3::bytea[], $4::int[]) as k (key, usage_id, body_hash, version)
where u.key = k.key

-- name: keep
insert into usage (id, status, reason, usage_type, specification_id, started_at, product_id, account_id, device_id,
                   charge_window, plan_id, plan_version, unit, quantity, prices, body, draws, charges, actor, reference,
                   key, created_at, updated_at)
select id, status, reason, usage_type, specification_id, started_at, product_id, account_id, device_id, charge_window,
       plan_id, plan_version, unit, quantity, prices::jsonb, body::jsonb, draws::jsonb, charges::jsonb, actor, reference,
       key, created_at, updated_at
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
            $9::text[], $10::bigint[], $11::text[], $12::int[], $13::text[], $14::bigint[], $15::text[], $16::text[],
            $17::text[], $18::text[], $19::text[], $20::text[], $21::bytea[], $22::timestamptz[], $23::timestamptz[])
    as u (id, status, reason, usage_type, specification_id, started_at, product_id, account_id, device_id,
          charge_window, plan_id, plan_version, unit, quantity, prices, body, draws, charges, actor, reference, key,
          created_at, updated_at)

-- name: describe
update usage
set body = (usage.body || d.put::jsonb) - array(select jsonb_array_elements_text(d.removed::jsonb)), updated_at = $1
from unnest($2::text[], $3::text[], $4::text[]) as d (id, put, removed)
where usage.id = d.id

-- name: start_import
insert into usage_import (id, file, started_at) values ($1, $2, $3)

-- name: keep_import
update usage_import set counts = $2::jsonb, finished_at = $3 where id = $1

-- name: import_finished
select exists (select from usage_import where file = $1 and finished_at is not null)

-- name: keep_import_lines
insert into usage_import_line (import_id, line, outcome, reason, text)
select $1, line, outcome, reason, text from unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
    as l (line, outcome, reason, text)

-- name: lock_exports
-- Two that ask at once are counted one after the other.
select pg_advisory_xact_lock(hashtextextended(current_schema || ' export_job', 0))

-- name: open_exports
select count(*) from export_job where completed_at is null

-- name: request_exports
insert into export_job (id, status, created_at, body)
select id, 'Not Started', $1, body::jsonb from unnest($2::text[], $3::text[]) as j (id, body)

-- name: forget_exports
delete from export_job where id = any ($1)

-- name: claim_export
-- $1 now, $2 until. One that is running has been lost when its lease has run out.
with free as (
    select id from export_job
    where completed_at is null and (lease_until is null or lease_until <= $1)
    order by id
    limit 1
    for update skip locked
)
update export_job j set status = 'Running', fence = j.fence + 1, lease_until = $2, row_count = 0
from free
where j.id = free.id
returning j.id, j.fence, j.body

-- name: beat_export
update export_job set row_count = $3, row_total = $4, lease_until = $5
where id = $1 and fence = $2 and completed_at is null
returning true

-- name: finish_export
update export_job set status = $3, completed_at = $4, row_count = $5, size = $6, checksum = $7, url = $8, error = $9
where id = $1 and fence = $2 and completed_at is null
returning true

-- name: exports
select id, fence from export_job

-- name: find_export
select status, body, checksum from export_job where id = $1

-- name: hold_file
select pg_try_advisory_lock(hashtextextended(current_schema || ' usage file ' || $1, 0))

-- name: release_file
select pg_advisory_unlock(hashtextextended(current_schema || ' usage file ' || $1, 0))
