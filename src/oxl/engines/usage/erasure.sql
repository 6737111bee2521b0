-- What the usage engine forgets of a party: whom it called and from where; how much, what it cost and what it was drawn
-- from stay. A record that has lost its characteristics is not rated again. $1 accounts, $2 devices, $3 patterns of names.

-- name: forget
with known as (
    update usage set body = inventory_bare(body)
    where (account_id = any ($1) or device_id = any ($2)) and body <> inventory_bare(body) returning id
), explained as (
    delete from usage_explanation where doc::text like any ($3)
        or usage_id in (select id from usage where account_id = any ($1) or device_id = any ($2)) returning 1
), lines as (
    update usage_import_line set text = '' where text like any ($3) returning 1
)
select (select count(*) from known) as "productUsage", (select count(*) from explained) as "ratingExplanation",
       (select count(*) from lines) as "usageImport"

-- name: forget_suspense
-- What could be nobody's, and names the party.
update usage set body = inventory_bare(body)
where account_id is null and body::text like any ($1) and body <> inventory_bare(body) returning id

-- name: oldest
select min(created_at) from usage where account_id = any ($1)

-- name: forget_exports
-- Files that may hold its records. $1 made since then, $2 patterns of names, $3 why, which also says that the file is due;
-- it is known by its checksum.
update export_job
set status = 'Failed', error = $3, size = null, url = null, body = inventory_without(body, $2)
where status = 'Succeeded' and (completed_at >= $1 or body::text like any ($2))
returning id

-- name: files_due
select id, body, checksum from export_job where error = $1

-- name: files_removed
update export_job set error = $2, checksum = null where id = any ($1)

-- name: begin_exports_again
-- Those that are being written: whoever is at it has lost it.
update export_job set fence = fence + 1, lease_until = null where completed_at is null and lease_until is not null
