-- What is forgotten of a party's consumption: what was asked and reported, and its limits. What is true now is computed.

-- name: forget
-- $1 accounts, $2 devices, $3 patterns of names
with reports as (
    delete from consumption_report where account_id = any ($1) or device_id = any ($2) returning id, query_id
), queries as (
    delete from consumption_query
    where id in (select query_id from reports) or body::text like any ($3) returning id
), limits as (
    delete from consumption_limit where account_id = any ($1) returning id
)
select array(select id from reports) as reports, array(select id from queries) as queries,
       array(select id from limits) as limits
