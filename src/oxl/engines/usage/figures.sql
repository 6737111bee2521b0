-- What others count of usage.

-- define: usage_counted
-- When each of some usages took place (or came, where that is not known), as what, and what it cost with tax.
create function usage_counted(ids text[]) returns table (at timestamptz, label text, unit text, amount bigint)
language sql stable as $$
    select coalesce(u.started_at, u.created_at), coalesce(u.usage_type, u.specification_id),
           coalesce(u.prices #>> '{0,currency}', ''),
           coalesce((select sum((l ->> 'gross')::bigint) from jsonb_array_elements(u.prices) l), 0)::bigint
    from usage u where u.id = any (ids)
$$

-- define: usage_suspended
-- How many are in suspense, counted up to a bound.
create function usage_suspended(bound int) returns bigint
language sql stable as $$
    select count(*) from (select from usage where status = 'failed' limit bound) u
$$
