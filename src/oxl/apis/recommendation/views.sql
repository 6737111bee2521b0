-- TMF680 v4 from outside.

-- define: recommendation_price
-- A component of a price, as the plan has it: with tax or without.
create function recommendation_price(p jsonb, currency text, tax_included bool) returns jsonb
language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        '@type', 'ProductPrice', 'name', p -> 'name',
        'priceType', case when (p ->> 'recurring')::bool then 'recurring' else 'oneTime' end,
        'recurringChargePeriod', case when (p ->> 'recurring')::bool then 'month' end,
        'price', jsonb_build_object(
            '@type', 'Price',
            case when tax_included then 'taxIncludedAmount' else 'dutyFreeAmount' end,
            jsonb_build_object('unit', currency, 'value', in_units((p ->> 'amount')::bigint, 1000000)))))
$$

-- define: recommendation_item
-- What is recommended, and why: the standard has no place for reasons, so they are characteristics of the product.
create function recommendation_item(query_id text, i jsonb) returns jsonb
language sql stable as $$
    select jsonb_build_object(
        '@type', 'RecommendationItem',
        'id', query_id || '.' || (i ->> 'rank'),
        'priority', i -> 'rank',
        'productOffering', jsonb_build_object(
            '@referredType', 'ProductOffering', 'id', i -> 'offering_id', 'name', i -> 'name'),
        'product', jsonb_strip_nulls(jsonb_build_object(
            '@type', 'Product',
            'name', i -> 'name',
            'description', i -> 'description',
            'isBundle', i -> 'is_bundle',
            'productOffering', jsonb_build_object(
                '@referredType', 'ProductOffering', 'id', i -> 'offering_id', 'name', i -> 'name'),
            'realizingResource', case when i ->> 'device_id' is not null then jsonb_build_array(jsonb_build_object(
                '@referredType', 'LogicalResource', 'id', i -> 'device_id')) end,
            'productPrice', (
                select coalesce(jsonb_agg(recommendation_price(p, i ->> 'currency', (i ->> 'tax_included')::bool) order by n), '[]')
                from jsonb_array_elements(i -> 'prices') with ordinality as e (p, n)),
            'productCharacteristic', (
                select jsonb_agg(jsonb_build_object('name', c.name, 'valueType', c.kind, 'value', c.value) order by c.n)
                from (values
                    (1, 'recommendationReason', 'string', i -> 'reason'),
                    (2, 'reasonText', 'string', i -> 'text'),
                    (3, 'score', 'number', to_jsonb(in_units((i ->> 'score')::bigint, 1000000))),
                    (4, 'source', 'string', i -> 'source'),
                    (5, 'validUntil', 'date-time', to_jsonb(instant_text((i ->> 'until')::timestamptz)))
                ) as c (n, name, kind, value)))))
$$

-- define: recommendation_query_view
create function recommendation_query_view(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, state text, type text, party_id text)
language sql stable as $$
    select q.id,
           q.body || jsonb_strip_nulls(jsonb_build_object(
               '@type', coalesce(q.body ->> '@type', 'QueryProductRecommendation'),
               'id', q.id,
               'state', q.state,
               'recommendationType', q.type,
               'validFor', case when q.valid_to is not null then jsonb_build_object(
                   'startDateTime', instant_text(q.created_at), 'endDateTime', instant_text(q.valid_to)) end)) ||
           jsonb_build_object('recommendationItem', (
               select coalesce(jsonb_agg(recommendation_item(q.id, i) order by n), '[]')
               from jsonb_array_elements(q.items) with ordinality as e (i, n))),
           q.body, q.state, q.type, q.body -> 'relatedParty' ->> 'id'
    from recommendation_stored_query() q
$$
