-- The statements of identity: API keys, and what parties own.

-- name: keep_key
insert into api_key (id, hash, name, role, scopes, parties, rate, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: find_key
select hash, role, scopes, parties, rate, expires_at, revoked_at from api_key where id = $1

-- name: keys
select id, name, role, scopes, parties, rate, created_at, expires_at, revoked_at from api_key order by id desc

-- name: revoke_key
update api_key set revoked_at = $2 where id = $1 and revoked_at is null returning id

-- name: known_parties
select id from inventory_party() where id = any ($1)

-- name: accounts_of
select id from inventory_account() where party_id = any ($1) order by id

-- name: forget_party
update api_key set name = 'erased', revoked_at = coalesce(revoked_at, $2)
where $1 = any (parties) and (name <> 'erased' or revoked_at is null) returning id
