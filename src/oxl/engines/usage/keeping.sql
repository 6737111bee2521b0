-- Usage that is kept for a time only. $1 is an id, which carries the time before which things may go.

-- name: count
select count(*) from usage where id < $1

-- name: forget
-- $2 the same instant, $3 how many at a time. What has ever been charged to a bill window stays, since bills are explained
-- by it; so does what is yet to come to its end. Keys stay: a record that comes once more is known.
with old as (
    select u.id from usage u
    where u.id < $1 and u.created_at < $2 and u.updated_at < $2 and u.charge_window is null
        and u.status not in ('initialized', 'validated')
        and not exists (select from usage_history h where h.usage_id = u.id and h.charge_window is not null)
        and not exists (select from usage_restoring r where r.usage_id = u.id)
    order by u.id limit $3
), histories as (
    delete from usage_history h using old where h.usage_id = old.id
), explanations as (
    delete from usage_explanation e using old where e.usage_id = old.id
), gone as (
    delete from usage u using old where u.id = old.id returning 1
)
select count(*) from gone
