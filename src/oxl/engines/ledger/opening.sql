-- Buckets that an operator opens.

-- name: accounts
select id from inventory_account() where id = any ($1)
