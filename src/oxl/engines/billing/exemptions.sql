-- Accounts that need not pay tax.

-- define: tax_exemption_of
create function tax_exemption_of() returns setof tax_exemption
language sql stable as 'select x.* from tax_exemption x'

-- name: accounts
select id, kind from inventory_account() where id = any ($1)

-- name: exemptions
select id, account_id, valid_from, valid_to from tax_exemption where id = any ($1) order by id for no key update

-- name: others
-- Of an account, those that are valid at some time of a span, but for one.
select id from tax_exemption
where account_id = $1 and id <> $2 and (valid_to is null or valid_to > $3) and ($4::timestamptz is null or valid_from < $4)
limit 1

-- name: keep
insert into tax_exemption (id, account_id, tax_category, reason, reason_code, certificate, jurisdiction, tax_number,
                           valid_from, valid_to, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)

-- name: set_end
update tax_exemption set valid_to = $2, updated_at = $3 where id = $1
