-- TMF635 v4 from outside: the documents of version 5, told as version 4 has them.

-- define: product_usage_ref_4
-- A reference with its href only where it is a whole address, which version 4 asks for and version 5 does not.
create function product_usage_ref_4(ref jsonb) returns jsonb
language sql immutable as $$ select case when ref ->> 'href' ~ '^[A-Za-z][A-Za-z0-9+.-]*:' then ref else ref - 'href' end $$

-- define: product_usage_status_4
-- Version 5's states in the words of version 4. What waits in suspense is tried again: recycled.
create function product_usage_status_4(status text) returns text
language sql immutable as $$
    select case status
        when 'initialized' then 'received' when 'validated' then 'guided' when 'failed' then 'recycled'
        when 'corrected' then 'rerated' when 'superseded' then 'rejected' when 'rejected' then 'rejected'
        else 'rated' end
$$

-- define: product_usage_rated_4
create function product_usage_rated_4(doc jsonb) returns jsonb
language sql immutable as $$
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        '@type', 'RatedProductUsage',
        'ratingDate', doc -> 'lastUpdate',
        'ratingAmountType', 'Total',
        'usageRatingTag', 'usage',
        'isTaxExempt', coalesce((line #>> '{price,taxRate}')::numeric = 0, false),
        'taxRate', line #> '{price,taxRate}',
        'offerTariffType', line -> 'name',
        'productRef', product_usage_ref_4(doc -> 'product'),
        'taxExcludedRatingAmount', line #> '{price,dutyFreeAmount}',
        'taxIncludedRatingAmount', line #> '{price,taxIncludedAmount}')) order by n)
    from jsonb_array_elements(doc -> 'usageProductPrice') with ordinality as e (line, n)
$$

-- define: product_usage_moment_4
-- What version 5 keeps under a name of version 4 is anybody's: no moment where it is none.
create function product_usage_moment_4(text jsonb) returns timestamptz
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

-- define: product_usage_party_4
create function product_usage_party_4(related jsonb) returns jsonb
language sql immutable as $$
    select jsonb_build_object('@referredType', 'Party')
        || product_usage_ref_4(coalesce(related -> 'partyOrPartyRole', related))
        || jsonb_strip_nulls(jsonb_build_object('@type', 'RelatedParty', 'role', related -> 'role'))
$$

-- define: product_usage_4
create function product_usage_4(now_ timestamptz)
returns table (id text, doc jsonb, status text, usage_type text, specification_id text, used_at timestamptz)
language sql stable as $$
    select u.id,
           u.doc - '{relatedParty,creationDate,lastUpdate,usageProductPrice,externalIdentifier,product,serviceUsage,usageCharacteristic,description,
                  ratedProductUsage}'::text[]
               || jsonb_strip_nulls(jsonb_build_object(
                   '@type', 'Usage',
                   'status', product_usage_status_4(u.status),
                   'usageDate', instant_text(t.used_at),
                   'usageSpecification', product_usage_ref_4(u.doc -> 'usageSpecification') || jsonb_build_object('@type', 'UsageSpecificationRef'),
                   'ratedProductUsage', product_usage_rated_4(u.doc),
                   'usageCharacteristic', (
                       select jsonb_agg(c || jsonb_build_object('@type', 'UsageCharacteristic') order by n)
                       from jsonb_array_elements(u.doc -> 'usageCharacteristic') with ordinality as e (c, n)
                       where c ? 'value'),
                   'description', case when jsonb_typeof(u.doc -> 'description') = 'string' then u.doc -> 'description' end,
                   'relatedParty', (
                       select jsonb_agg(product_usage_party_4(p) order by n)
                       from jsonb_array_elements(u.doc -> 'relatedParty') with ordinality as e (p, n)
                       where jsonb_typeof(coalesce(p -> 'partyOrPartyRole', p) -> 'id') = 'string'))),
           product_usage_status_4(u.status), u.usage_type, u.specification_id, t.used_at
    from product_usage(now_) u
    cross join lateral (
        select coalesce(product_usage_moment_4(u.body -> 'usageDate'), u.created_at) as used_at) t
$$

-- define: product_usage_specification_4
-- What the catalog publishes, and what is only described.
create function product_usage_specification_4(now_ timestamptz)
returns table (id text, doc jsonb, name text, lifecycle_status text)
language sql stable as $$
    select s.id,
           jsonb_strip_nulls(jsonb_build_object(
               '@type', 'UsageSpecification',
               'id', s.id,
               'name', s.doc -> 'name',
               'description', nullif(s.doc ->> 'description', ''),
               'version', s.doc -> 'version',
               'lifecycleStatus', 'Active',
               'isBundle', false,
               'specCharacteristic', (
                   select jsonb_agg(jsonb_build_object(
                       '@type', 'CharacteristicSpecification', 'name', c -> 'name', 'valueType', c -> 'value_type',
                       'minCardinality', case when (c ->> 'required')::bool then 1 else 0 end, 'maxCardinality', 1)
                       order by n)
                   from jsonb_array_elements(s.doc -> 'characteristics') with ordinality as e (c, n)))),
           s.doc ->> 'name', 'Active'
    from catalog_item_of('usageSpecification') s
    union all
    select d.id,
           jsonb_build_object('@type', 'UsageSpecification', 'name', d.id, 'lifecycleStatus', 'Active', 'isBundle', false)
               || d.body || jsonb_build_object('id', d.id, 'lastUpdate', instant_text(d.updated_at)),
           coalesce(d.body ->> 'name', d.id), coalesce(d.body ->> 'lifecycleStatus', 'Active')
    from usage_specification_described() d
$$
