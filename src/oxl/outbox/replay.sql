-- What operators had told again.

-- name: api_of
-- The API of a subscription that stands.
select api from subscription where id = $1 and ended_at is null

-- name: keep
insert into replay (id, subscription_id, event_id, since, number, at) values ($1, $2, $3, $4, $5, $6)

-- define: outbox_replay
create function outbox_replay()
returns table (id text, subscription_id text, event_id text, since timestamptz, number bigint, at timestamptz)
language sql stable as 'select id, subscription_id, event_id, since, number, at from replay'
