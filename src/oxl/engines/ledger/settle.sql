-- Reservations as usage sees them. What bucket one is of never changes; all else only under that bucket's lock.

-- name: buckets_of
select distinct bucket_id from reservation where id = any ($1)

-- name: reserved
select id, bucket_id, account_id, unit, status, amount, coalesce(used, 0) from reservation where id = any ($1)
