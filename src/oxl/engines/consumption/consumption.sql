-- What devices and accounts have used and have left. A snapshot is that at one instant, in the ledger's terms: its buckets,
-- each once, and its devices with what they have cost beyond what is included.

-- define: consumption_label
-- What a bucket is for, in a person's words: voice, data roaming, voice national, tv.
create function consumption_label(usage_label text, match jsonb) returns text
language sql immutable as $$
    select case when usage_label not in ('voice', 'data', 'sms', 'other') then usage_label else concat_ws(' ',
        case when usage_label = 'other' then coalesce(match #>> '{service,0}', usage_label) else usage_label end,
        (select case when bool_and(zone like 'roaming%') then 'roaming'
                     when count(*) = 1 and min(zone) <> 'home' then min(zone) end
         from jsonb_array_elements_text(match -> 'zone') zone)) end
$$

-- define: consumption_bucket
-- The buckets that an account, or one device of it, may draw on, alive at some time from `since` to `until`: `uses` and
-- `caps` are by device, `kin` the others that came with the same product for the same kind of usage.
create function consumption_bucket(now_ timestamptz, account text, device text, since timestamptz, until timestamptz)
returns table (kind text, id text, bucket jsonb)
language sql stable as $$
    select b.kind, b.id, jsonb_build_object(
        'id', b.id, 'name', b.name, 'type', b.usage_type, 'label', consumption_label(b.usage_label, b.match),
        'match', b.match, 'shared', b.kind = 'allowance' and b.device_id is null, 'device', b.device_id,
        'status', b.status, 'unit', b.display_unit, 'per', b.display_atoms, 'available', b.available,
        'reserved', b.reserved, 'used', b.used, 'from', b.valid_from, 'to', b.valid_to, 'created', b.created_at,
        'allowance', b.allowance_id, 'product', b.product_id, 'mark', ledger_mark(b.id),
        'kin', case when b.product_id is not null
            then jsonb_agg(b.id) over (partition by b.product_id, b.valid_from, b.usage_type) end,
        'held', case when b.reserved > 0 then (
            select jsonb_agg(r.id order by r.id) from (
                select r.id from ledger_reservation(now_) r
                where r.bucket_id = b.id and r.status = 'created' order by r.id limit 20) r) end,
        'uses', case when b.device_id is null then (
            select jsonb_object_agg(u.device_id, u.used) from ledger_bucket_use() u
            where u.bucket_id = b.id and u.device_id <> '' and (device is null or u.device_id = device)) end,
        'caps', case when b.device_id is null and b.allowance_id is not null then (
            select jsonb_object_agg(l.device_id, l.amount) from consumption_limit l
            where l.account_id = account and l.allowance_id = b.allowance_id
              and (device is null or l.device_id = device)) end)
    from ledger_bucket(now_) b
    where b.account_id = account and coalesce(b.valid_to, 'infinity') > since and b.valid_from <= until
      and (device is null or b.device_id is null or b.device_id = device)
$$

-- define: consumption_line
-- The devices of an account, or one of them, that are somebody's now: product, money spent beyond what is included (drawn
-- from the main bucket, or owed and not billed), and what is used without limit.
create function consumption_line(now_ timestamptz, account text, device text) returns table (id text, line jsonb)
language sql stable as $$
    select d.id, jsonb_build_object(
        'id', d.id, 'number', d.value, 'product', d.product_id, 'offering', d.offering_id,
        'spent', coalesce(paid.amount, 0) + coalesce(owed.amount, 0), 'since', coalesce(owed.since, paid.since),
        'over', owed.units,
        'limit', (select l.amount from consumption_limit l where l.device_id = d.id and l.allowance_id = ''),
        'limited', (select s.used from consumption_spend(now_) s where s.device_id = d.id),
        'free', (select i.doc -> 'free' from catalog_item_of('pricePlan') i
                 where i.id = p.plan_id and i.valid_from <= now_ order by i.version desc limit 1))
    from inventory_device(now_) d
    join inventory_product(now_) p on p.id = d.product_id
    left join lateral (
        select sum(u.used)::bigint as amount, min(b.valid_from) as since
        from ledger_bucket(now_) b join ledger_bucket_use() u on u.bucket_id = b.id and u.device_id = d.id
        where b.account_id = d.account_id and b.kind = 'main'
    ) paid on true
    left join lateral (
        select sum(c.amount)::bigint as amount, min(c.first_at) as since,
               jsonb_agg(jsonb_build_object('unit', c.unit, 'quantity', c.quantity) order by c.unit) as units
        from (select unit, sum(quantity)::bigint as quantity, sum(amount) as amount, min(first_at) as first_at
              from usage_unbilled(d.account_id, d.product_id) group by unit) c
    ) owed on true
    where d.account_id = account and (device is null or d.id = device)
      and d.valid_from <= now_ and (d.valid_to is null or now_ < d.valid_to)
$$

-- define: consumption_snapshot
-- A snapshot of each device, with the buckets alive at some time from `since` to `until`.
create function consumption_snapshot(now_ timestamptz, devices text[], since timestamptz, until timestamptz)
returns table (device_id text, account_id text, snapshot jsonb)
language sql stable as $$
    select d.id, d.account_id, jsonb_build_object(
        'at', now_, 'device', d.id, 'number', d.value, 'account', d.account_id, 'party', d.party_id,
        'party_name', d.party_name, 'currency', a.currency,
        'devices', (select jsonb_agg(l.line) from consumption_line(now_, d.account_id, d.id) l),
        'buckets', coalesce((
            select jsonb_agg(b.bucket order by b.kind, b.id)
            from consumption_bucket(now_, d.account_id, d.id, since, until) b), '[]'))
    from unnest(devices) w (id)
    join inventory_device(now_) d on d.id = w.id
    join inventory_account() a on a.id = d.account_id
$$

-- define: consumption_household
-- A snapshot of each account as a whole: every bucket of it once, with what each of its devices has used.
create function consumption_household(now_ timestamptz, accounts text[], since timestamptz, until timestamptz)
returns table (account_id text, snapshot jsonb)
language sql stable as $$
    select a.id, jsonb_build_object(
        'at', now_, 'account', a.id, 'party', a.party_id, 'party_name', a.party_name, 'currency', a.currency,
        'devices', (select jsonb_agg(l.line order by l.id) from consumption_line(now_, a.id, null) l),
        'buckets', coalesce((
            select jsonb_agg(b.bucket order by b.kind, b.id)
            from consumption_bucket(now_, a.id, null, since, until) b), '[]'))
    from unnest(accounts) w (id) join inventory_account() a on a.id = w.id
$$

-- define: consumption_kept_query
create function consumption_kept_query()
returns table (id text, state text, created_at timestamptz, body jsonb, reason text)
language sql stable as 'select id, state, created_at, body, reason from consumption_query'

-- define: consumption_kept_report
create function consumption_kept_report()
returns table (id text, query_id text, place int, account_id text, device_id text, created_at timestamptz, snapshot jsonb,
               body jsonb)
language sql stable as $$
    select id, query_id, place, account_id, device_id, created_at, snapshot, body from consumption_report
$$

-- name: found
-- Of each query, the devices that meet every criterion it gives; those of one criterion are alternatives.
select w.n, d.id, d.account_id
from jsonb_to_recordset($1::text::jsonb) as w (n int, ids text[], pairs text[], numbers text[], products text[],
                                               accounts text[], parties text[], buckets text[])
cross join lateral (
    select d.id, d.account_id from inventory_device($2) d join inventory_account() a on a.id = d.account_id
    where d.id in (
        select i from unnest(w.ids) i
        union select split_part(p, ' ', 1) from unnest(w.pairs) p
        union select v.id from inventory_device($2) v where v.value = any (w.numbers)
        union select p.device_id from inventory_product($2) p where p.id = any (w.products)
        union select v.id from inventory_device($2) v where v.account_id = any (w.accounts)
        union select v.id from inventory_account() a join inventory_device($2) v on v.account_id = a.id
              where a.party_id = any (w.parties)
        union select v.id from ledger_bucket($2) b join inventory_device($2) v
              on v.account_id = b.account_id and (b.device_id is null or b.device_id = v.id)
              where b.id = any (w.buckets))
      and (coalesce(w.ids, w.pairs, w.numbers) is null or d.id = any (w.ids) or d.value = any (w.numbers)
           or concat_ws(' ', d.id, d.value) = any (w.pairs))
      and (w.products is null or exists (
           select from inventory_product($2) p where p.device_id = d.id and p.id = any (w.products)))
      and (w.accounts is null or d.account_id = any (w.accounts))
      and (w.parties is null or a.party_id = any (w.parties))
      and (w.buckets is null or exists (
           select from ledger_bucket($2) b where b.account_id = d.account_id and b.id = any (w.buckets)
             and (b.device_id is null or b.device_id = d.id)))
      and d.valid_from <= $2 and (d.valid_to is null or $2 < d.valid_to)
    order by d.id limit $3
) d
order by w.n, d.id

-- name: snapshots
select device_id, account_id, snapshot from consumption_snapshot($1, $2, $3, $4)

-- name: households
select account_id, snapshot from consumption_household($1, $2, $3, $4)

-- name: keep_queries
insert into consumption_query (id, state, created_at, body, reason)
select id, state, $1, body::jsonb, reason
from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as c (id, state, body, reason)

-- name: keep_reports
insert into consumption_report (id, query_id, place, account_id, device_id, created_at, snapshot, body)
select id, query_id, place, account_id, device_id, $1, snapshot::jsonb, body::jsonb
from unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[])
    as r (id, query_id, place, account_id, device_id, snapshot, body)

-- name: forget_queries
delete from consumption_query where id = any ($1) returning id

-- name: forget_reports
-- By the id of a report, or of the query whose first it is.
delete from consumption_report r using unnest($1::text[]) w (id)
where r.id = w.id or (r.query_id = w.id and r.place = 1)
returning w.id

-- name: claim
-- $1 now, $2 until. One that is in progress has been lost when its lease has run out.
with free as (
    select id from consumption_query
    where state in ('acknowledged', 'inProgress') and (lease_until is null or lease_until <= $1)
    order by id
    limit 1
    for update skip locked
)
update consumption_query c set state = 'inProgress', fence = c.fence + 1, lease_until = $2
from free
where c.id = free.id
returning c.id, c.fence, c.body

-- name: finish
update consumption_query set state = $3, reason = $4, lease_until = null
where id = $1 and fence = $2 and state = 'inProgress'
returning true

-- name: figures
-- What a report of each account is made of that may change, as one number: its buckets, and what it owes.
select w.account_id, concat_ws('.', b.sum, c.amount, l.sum) as figure
from unnest($2::text[]) as w (account_id)
cross join lateral (
    select sum(hashtextextended(concat_ws(',', b.id, b.credited, b.used, b.debited, b.reserved, b.status, b.valid_to), 0))
    from ledger_bucket($1) b
    where b.account_id = w.account_id and coalesce(b.valid_to, 'infinity') > $1 and b.valid_from <= $1
) b
cross join usage_owed(w.account_id) c
cross join lateral (select sum(hashtextextended(l.id, 0) + l.amount) from consumption_limit l where l.account_id = w.account_id) l

-- name: speak
insert into consumption_language (language, words) values ($1, $2::jsonb)
on conflict (one) do update set language = excluded.language, words = excluded.words
where (consumption_language.language, consumption_language.words) is distinct from (excluded.language, excluded.words)
