-- What is forgotten of a party that something was recommended to: the next model is learned without it.

-- name: forget
-- $1 the party, $2 patterns of names
with asked as (
    select id from recommendation_query where party_id = $1 or body::text like any ($2)
), exposures as (
    delete from recommendation_exposure where party_id = $1 or query_id in (select id from asked) returning 1
)
select array(select id from asked) as ids, (select count(*) from exposures) as "recommendationExposure"

-- name: forget_queries
delete from recommendation_query where id = any ($1)

-- name: forget_consent
delete from recommendation_consent where party_id = $1
