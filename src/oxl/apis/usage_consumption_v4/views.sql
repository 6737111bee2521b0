-- TMF677 v4 from outside: the documents of version 5, told as version 4 has them.

-- define: consumption_moment_4
-- What version 5 keeps under a name of version 4 is anybody's: no moment where it is none.
create function consumption_moment_4(text jsonb) returns timestamptz
language plpgsql stable as $$
begin
    if jsonb_typeof(text) = 'string' and text #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z$' then
        return (text #>> '{}')::timestamptz;
    end if;
    return null;
exception when datetime_field_overflow or invalid_datetime_format then
    return null;
end
$$

-- define: consumption_ref_4
-- A reference with its href only where it is a whole address, which version 4 asks for and version 5 does not.
create function consumption_ref_4(ref jsonb) returns jsonb
language sql immutable as $$ select case when ref ->> 'href' ~ '^[A-Za-z][A-Za-z0-9+.-]*:' then ref else ref - 'href' end $$

-- define: consumption_parties_4
create function consumption_parties_4(doc jsonb) returns jsonb
language sql immutable as $$
    select jsonb_agg(
        jsonb_build_object('@referredType', 'Party') || consumption_ref_4(coalesce(p -> 'partyOrPartyRole', p))
            || jsonb_strip_nulls(jsonb_build_object('@type', 'RelatedParty', 'role', p -> 'role')) order by n)
    from jsonb_array_elements(doc -> 'relatedParty') with ordinality as e (p, n)
    where jsonb_typeof(coalesce(p -> 'partyOrPartyRole', p) -> 'id') = 'string'
$$

-- define: consumption_counters_4
create function consumption_counters_4(counters jsonb) returns jsonb
language sql immutable as $$
    select jsonb_agg(consumption_ref_4(c) || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'ConsumptionSummary',
        'user', case when c ? 'user' then consumption_parties_4(
            jsonb_build_object('relatedParty', jsonb_build_array(c -> 'user'))) -> 0 end)) order by n)
    from jsonb_array_elements(case when jsonb_typeof(counters) = 'array' then counters end) with ordinality as e (c, n)
$$

-- define: consumption_refs_4
create function consumption_refs_4(refs jsonb, kind text) returns jsonb
language sql immutable as $$
    select jsonb_agg(consumption_ref_4(r) || jsonb_strip_nulls(jsonb_build_object(
        '@type', kind, 'consumptionSummary', consumption_counters_4(r -> 'consumptionSummary'))) order by n)
    from jsonb_array_elements(refs) with ordinality as e (r, n)
$$

-- define: consumption_devices_4
create function consumption_devices_4(refs jsonb) returns jsonb
language sql immutable as $$
    select jsonb_agg(consumption_ref_4(r) || jsonb_build_object('@type', 'UsageConsumptionLogicalResourceRef') order by n)
    from jsonb_array_elements(refs) with ordinality as e (r, n)
$$

-- define: consumption_bucket_4
create function consumption_bucket_4(bucket jsonb) returns jsonb
language sql immutable as $$
    select bucket - '{relatedParty,bucketSpecification,creationDate,statusText}'::text[] || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'BucketRefOrValue',
        'status', coalesce(bucket -> 'statusText', bucket -> 'status'),
        'product', consumption_refs_4(bucket -> 'product', 'UsageConsumptionProductRef'),
        'logicalResource', consumption_devices_4(bucket -> 'logicalResource'),
        'reserveBalance', consumption_refs_4(bucket -> 'reserveBalance', 'ReserveBalanceRef'),
        'relatedParty', consumption_parties_4(bucket),
        'bucketCounter', consumption_counters_4(bucket -> 'bucketCounter')))
$$

-- define: consumption_report_4
create function consumption_report_4(report jsonb) returns jsonb
language sql immutable as $$
    select consumption_ref_4(report) - '{bucket,relatedParty}'::text[] || jsonb_strip_nulls(jsonb_build_object(
        '@type', 'UsageConsumption',
        'product', consumption_refs_4(report -> 'product', 'UsageConsumptionProductRef'),
        'logicalResource', consumption_devices_4(report -> 'logicalResource'),
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
           q.doc - '{relatedParty,state,errorMessage,creationDate}'::text[] || jsonb_strip_nulls(jsonb_build_object(
               'queryUsageConsumptionDate', instant_text(t.asked_at),
               'relatedParty', consumption_parties_4(q.doc),
               'searchCriteria', case when q.doc ? 'searchCriteria' then consumption_report_4(q.doc -> 'searchCriteria')
                   when not q.doc ?| '{partyAccount,relatedParty}' then '{}' end,
               'usageConsumption', coalesce((
                   select jsonb_agg(consumption_report_4(r) order by n)
                   from jsonb_array_elements(q.doc -> 'usageConsumption') with ordinality as e (r, n)), '[]'))),
           t.asked_at
    from usage_consumption_query(now_) q
    cross join lateral (
        select coalesce(consumption_moment_4(q.doc -> 'queryUsageConsumptionDate'), q.created_at) as asked_at) t
$$
