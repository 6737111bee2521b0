-- What all balance actions do with buckets: lock them, write them back, keep the entries.

-- define: ledger_release_overdue
-- End the open reservations of these buckets that are over: what they held is free again. The caller holds the buckets'
-- locks; the sweep tells of it later.
create function ledger_release_overdue(now_ timestamptz, buckets text[])
returns table (bucket_id text, amount bigint)
language sql volatile as $$
    with over as (
        update reservation r set status = 'cancelled', reason = 'expired', ended_at = r.expires_at, is_told = false
        where r.bucket_id = any (buckets) and r.status = 'created' and r.expires_at <= now_
        returning r.bucket_id, r.amount
    ), freed as (
        select o.bucket_id, sum(o.amount)::bigint as amount from over o group by o.bucket_id
    )
    update bucket b set reserved = b.reserved - f.amount from freed f where b.id = f.bucket_id
    returning b.id, f.amount
$$

-- name: lock
select id, kind, account_id, product_id, device_id, unit, display_unit, display_atoms, usage_type, status, valid_from,
       valid_to, credit_limit, credited, used, debited, reserved, version
from bucket where id = any ($1)
order by id
for no key update

-- name: release_overdue
select bucket_id, amount from ledger_release_overdue($1, $2)

-- name: write
-- The figures of buckets, the entries, and who used how much of which bucket.
with figures as (
    update bucket
    set credited = d.credited, used = d.used, debited = d.debited, reserved = d.reserved, version = d.version,
        valid_to = d.valid_to
    from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[])
        as d (id, credited, used, debited, reserved, version, valid_to)
    where bucket.id = d.id
), entries as (
    insert into transfer (id, at, dr_bucket, dr_system, cr_bucket, cr_system, unit, amount, kind, action_id, leg,
                          dr_after, dr_version, cr_after, cr_version)
    select id, $1, dr_bucket, dr_system, cr_bucket, cr_system, unit, amount, kind, action_id, leg,
           dr_after, dr_version, cr_after, cr_version
    from unnest($9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[],
                $16::text[], $17::text[], $18::smallint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[])
        as e (id, dr_bucket, dr_system, cr_bucket, cr_system, unit, amount, kind, action_id, leg,
              dr_after, dr_version, cr_after, cr_version)
)
insert into bucket_use (bucket_id, device_id, used)
select bucket_id, device_id, used from unnest($23::text[], $24::text[], $25::bigint[]) as u (bucket_id, device_id, used)
order by bucket_id, device_id
on conflict (bucket_id, device_id) do update set used = bucket_use.used + excluded.used
