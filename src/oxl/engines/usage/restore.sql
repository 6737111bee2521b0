-- Records that come back from an export.

-- name: lock_restore
-- Two that bring back the same ids do so one after the other.
select pg_advisory_xact_lock(hashtextextended(current_schema || ' usage restore', 0))

-- name: ids_in_use
select id from usage where id = any ($1)

-- name: restore_times
update usage set created_at = t.created_at, updated_at = t.updated_at
from unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) as t (id, created_at, updated_at)
where usage.id = t.id

-- name: waiting
select at, status, reason, plan_version, usage_id from usage_restoring order by at, status, reason, plan_version, usage_id

-- name: keep_waiting
insert into usage_restoring (at, status, reason, plan_version, usage_id)
select * from unnest($1::timestamptz[], $2::text[], $3::text[], $4::int[], $5::text[])

-- name: catch_up
with caught as (
    delete from usage_restoring where usage_id = any ($1)
)
update usage set updated_at = t.updated_at
from unnest($1::text[], $2::timestamptz[]) as t (id, updated_at)
where usage.id = t.id
