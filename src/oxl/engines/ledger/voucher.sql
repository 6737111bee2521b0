-- Vouchers: prepaid credit by code. Attempts are locked first, then vouchers, then buckets; each in order.

-- name: keep
insert into voucher (digest, batch, unit, amount, display_unit, validity_days, expires_at, created_at)
select digest, $2, $3, $4, $5, $6, $7, $1 from unnest($8::bytea[]) as v (digest)
on conflict do nothing
returning digest

-- name: block
update voucher set status = 'blocked' where batch = $1 and status = 'active' returning digest

-- name: lock_attempts
insert into voucher_attempt (account_id)
select account_id from unnest($1::text[]) as a (account_id) order by account_id
on conflict (account_id) do update set account_id = excluded.account_id
returning account_id, failures, locked_until

-- name: lock
select digest, unit, amount, display_unit, validity_days, status, expires_at from voucher where digest = any ($1)
order by digest
for update

-- name: use
update voucher v set status = 'used', used_at = $1, used_by = u.action_id
from unnest($2::bytea[], $3::text[]) as u (digest, action_id)
where v.digest = u.digest and v.status = 'active'

-- name: keep_attempts
update voucher_attempt a set failures = d.failures, locked_until = d.locked_until
from unnest($1::text[], $2::int[], $3::timestamptz[]) as d (account_id, failures, locked_until)
where a.account_id = d.account_id

-- name: accounts
select id, account_id, unit from bucket where id = any ($1)

-- name: main_of
-- The main bucket that a top-up means which names no bucket: of a product's, a device's or an account's account.
select w.n, b.id
from unnest($2::text[], $3::text[], $4::text[]) with ordinality as w (product, device, account, n)
left join inventory_product($1) p on p.id = w.product
left join inventory_device($1) d on d.id = w.device
left join bucket b on b.kind = 'main' and b.account_id = coalesce(p.account_id, d.account_id, w.account)
where (w.product is null or p.id is not null) and (w.device is null or d.id is not null)
  and (w.device is null or p.id is null or d.account_id = p.account_id)
  and (w.account is null or w.account = b.account_id)
