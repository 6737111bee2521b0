-- TMF677 v4 from outside: the documents of version 5, told as version 4 has them.

-- define: consumption_parties_4
create function consumption_parties_4(doc jsonb) returns jsonb
language sql immutable as $$
    select jsonb_agg(
        jsonb_build_object('@referredType', 'Party') || (p -> 'partyOrPartyRole') || jsonb_strip_nulls(
            jsonb_build_object('@type', 'RelatedParty', 'role', p -> 'role')) order by n)
    from jsonb_array_elements(doc -> 'relatedParty') with ordinality as e (p, n)
$$

-- define: consumption_refs_4
create function consumption_refs_4(refs jsonb, kind text) returns jsonb
language sql immutable as $$
    select jsonb_agg(r || jsonb_build_object('@type', kind) order by n)
    from jsonb_array_elements(refs) with ordinality as e (r, n)
$$

-- define: consumption_counter_4
create function consumption_counter_4(counter jsonb) returns jsonb
language sql immutable as $$
    select counter || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'ConsumptionSummary',
        'user', case when counter ? 'user' then jsonb_build_object('@referredType', 'Party') ||
            (counter #> '{user,partyOrPartyRole}') || jsonb_build_object('@type', 'RelatedParty') end))
$$

-- define: consumption_bucket_4
create function consumption_bucket_4(bucket jsonb) returns jsonb
language sql immutable as $$
    select bucket - '{bucketSpecification,bucketRelationship,creationDate}'::text[] || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'BucketRefOrValue',
        'product', consumption_refs_4(bucket -> 'product', 'UsageConsumptionProductRef'),
        'logicalResource', consumption_refs_4(bucket -> 'logicalResource', 'UsageConsumptionLogicalResourceRef'),
        'relatedParty', consumption_parties_4(bucket),
        'bucketCounter', (
            select jsonb_agg(consumption_counter_4(c) order by n)
            from jsonb_array_elements(bucket -> 'bucketCounter') with ordinality as e (c, n))))
$$

-- define: consumption_report_4
create function consumption_report_4(report jsonb) returns jsonb
language sql immutable as $$
    select report - 'bucket' || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'UsageConsumption',
        'product', consumption_refs_4(report -> 'product', 'UsageConsumptionProductRef'),
        'logicalResource', consumption_refs_4(report -> 'logicalResource', 'UsageConsumptionLogicalResourceRef'),
        'relatedParty', consumption_parties_4(report),
        'bucketRefOrValue', (
            select jsonb_agg(consumption_bucket_4(b) order by n)
            from jsonb_array_elements(report -> 'bucket') with ordinality as e (b, n))))
$$

-- define: usage_consumption_query_4
create function usage_consumption_query_4(now_ timestamptz)
returns table (id text, doc jsonb, asked_at timestamptz)
language sql stable as $$
    select q.id,
           q.doc - '{state,errorMessage,creationDate}'::text[] || jsonb_strip_nulls(jsonb_build_object(
               'queryUsageConsumptionDate', instant_text(t.asked_at),
               'relatedParty', consumption_parties_4(q.doc),
               'searchCriteria', case when q.doc ? 'searchCriteria' then consumption_report_4(q.doc -> 'searchCriteria') end,
               'usageConsumption', coalesce((
                   select jsonb_agg(consumption_report_4(r) order by n)
                   from jsonb_array_elements(q.doc -> 'usageConsumption') with ordinality as e (r, n)), '[]'))),
           t.asked_at
    from usage_consumption_query(now_) q
    cross join lateral (
        select coalesce((q.doc ->> 'queryUsageConsumptionDate')::timestamptz, q.created_at) as asked_at) t
$$
