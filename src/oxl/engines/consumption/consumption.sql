-- The consumption engine's statements. A snapshot is what one device may use at one instant, in the ledger's terms.

-- define: consumption_snapshot
-- A snapshot of each device: its product, its owner, and every bucket that it may draw on now.
create function consumption_snapshot(now_ timestamptz, devices text[])
returns table (device_id text, snapshot jsonb)
language sql stable as $$
    select d.id, jsonb_build_object(
        'at', now_, 'device', d.id, 'number', d.value, 'account', d.account_id, 'party', d.party_id,
        'party_name', d.party_name, 'product', d.product_id, 'offering', d.offering_id,
        'buckets', coalesce((
            select jsonb_agg(jsonb_build_object(
                'id', b.id, 'name', b.name, 'label', b.usage_label, 'shared', b.kind = 'allowance' and b.device_id is null,
                'status', b.status, 'unit', b.display_unit, 'per', b.display_atoms, 'available', b.available,
                'reserved', b.reserved, 'used', b.used, 'used_here', coalesce(u.used, 0), 'from', b.valid_from,
                'to', b.valid_to, 'allowance', b.allowance_id, 'product', b.product_id) order by b.kind, b.id)
            from ledger_bucket(now_) b
            left join ledger_bucket_use() u on u.bucket_id = b.id and u.device_id = d.id
            where b.account_id = d.account_id and (b.device_id is null or b.device_id = d.id)
              and b.valid_from <= now_ and b.status <> 'expired'), '[]'))
    from inventory_device(now_) d
    where d.id = any (devices)
$$

-- define: consumption_stored_query
create function consumption_stored_query()
returns table (id text, state text, created_at timestamptz, body jsonb, snapshots jsonb, reason text)
language sql stable as 'select id, state, created_at, body, snapshots, reason from consumption_query'

-- name: devices
-- Of each query, the devices that meet every criterion it gives.
select w.n, d.id
from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
    as w (device, number, product, account, party, n)
join inventory_device($6) d
    on (w.device is null or d.id = w.device) and (w.number is null or d.value = w.number)
   and (w.product is null or d.product_id = w.product) and (w.account is null or d.account_id = w.account)
   and (w.party is null or d.party_id = w.party)
where d.valid_from <= $6 and (d.valid_to is null or $6 < d.valid_to)
order by w.n, d.id

-- name: snapshots
select device_id, snapshot from consumption_snapshot($1, $2)

-- name: keep
insert into consumption_query (id, state, created_at, body, snapshots, reason)
select id, state, $1, body::jsonb, snapshots::jsonb, reason
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as c (id, state, body, snapshots, reason)

-- name: forget
delete from consumption_query where id = any ($1) returning id
