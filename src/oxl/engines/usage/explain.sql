-- Explanations of ratings.

-- define: usage_explained
create function usage_explained() returns table (id text, usage_id text, created_at timestamptz, steps jsonb)
language sql stable as 'select id, usage_id, created_at, doc from usage_explanation'

-- name: keep_explanation
insert into usage_explanation (id, usage_id, created_at, doc) values ($1, $2, $3, $4::jsonb)
