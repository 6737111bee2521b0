-- What the ledger forgets of a party: words, never an amount. $1 accounts; where it is given $2: patterns of its names.

-- define: ledger_bare
-- What may stay of what a client said of a bucket, which it names.
create function ledger_bare(body jsonb, bucket text) returns jsonb
language sql immutable as $$
    select inventory_bare(body) || jsonb_build_object('bucket', jsonb_strip_nulls(jsonb_build_object(
        'id', bucket, '@type', body #> '{bucket,@type}', '@referredType', 'Bucket')))
$$

-- name: forget
with actions as (
    update balance_action set body = ledger_bare(body, bucket_id)
    where account_id = any ($1) and body <> ledger_bare(body, bucket_id) returning 1
), received as (
    update balance_action set body = inventory_without(body, $2)
    where receiver_account_id = any ($1) and not account_id = any ($1) and body <> inventory_without(body, $2) returning 1
), reservations as (
    update reservation set body = ledger_bare(body, bucket_id)
    where account_id = any ($1) and body <> ledger_bare(body, bucket_id) returning 1
), buckets as (
    update bucket set body = null, name = 'erased' where account_id = any ($1) and body is not null returning 1
), attempts as (
    delete from voucher_attempt where account_id = any ($1)
)
select (select count(*) from actions) + (select count(*) from received) as "balanceAction",
       (select count(*) from reservations) as "reserveBalance", (select count(*) from buckets) as bucket

-- name: forget_requests
delete from charging_request where account_id = any ($1) returning id

-- name: forget_sessions
delete from charging_session s
where account_id = any ($1) and not exists (select from charging_request r where r.session_id = s.id)
