-- TMF635 v5 from outside. `body` is what the client sent; what OXL computes is laid over it.

-- define: product_usage_prices
create function product_usage_prices(lines jsonb, plan_version int) returns jsonb
language sql stable as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        '@type', 'ProductPrice',
        'name', line ->> 'name',
        'description', line ->> 'kind',
        'priceType', 'usage',
        'unitOfMeasure', line ->> 'unit',
        'zone', nullif(line ->> 'zone', ''),
        'quantity', jsonb_build_object('amount', line -> 'quantity', 'units', line ->> 'unit'),
        'bucket', case when line ->> 'bucket' is not null then jsonb_build_object(
            '@type', 'BucketRef', '@referredType', 'Bucket', 'id', line ->> 'bucket') end,
        'productOfferingPrice', jsonb_build_object(
            '@type', 'ProductOfferingPriceRef', '@referredType', 'ProductOfferingPrice', 'id', line ->> 'component',
            'version', plan_version::text),
        'price', jsonb_build_object(
            '@type', 'Price',
            'taxRate', trim_scale((line ->> 'tax_rate')::numeric),
            'dutyFreeAmount', jsonb_build_object(
                'unit', line ->> 'currency', 'value', in_units((line ->> 'net')::bigint, 1000000)),
            'taxIncludedAmount', jsonb_build_object(
                'unit', line ->> 'currency', 'value', in_units((line ->> 'gross')::bigint, 1000000)))
    )) order by n), '[]')
    from jsonb_array_elements(lines) with ordinality as l (line, n)
$$

-- define: product_usage
create function product_usage(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, specification_id text, product_id text,
               created_at timestamptz, updated_at timestamptz, account_id text)
language sql stable as $$
    select u.id,
           u.body || jsonb_strip_nulls(jsonb_build_object(
               'id', u.id,
               'status', u.status,
               'statusReason', u.reason,
               'creationDate', instant_text(u.created_at),
               'lastUpdate', instant_text(u.updated_at),
               'product', coalesce(u.body -> 'product', case when u.product_id is not null then jsonb_build_object(
                   '@type', 'ProductRef', '@referredType', 'Product', 'id', u.product_id) end),
               'usageProductPrice', nullif(product_usage_prices(u.prices, u.plan_version), '[]'))),
           u.body, u.status, u.usage_type, u.specification_id,
           coalesce(u.body #>> '{product,id}', u.product_id), u.created_at, u.updated_at, u.account_id
    from usage_record() u
$$

-- define: export_job_document
create function export_job_document(now_ timestamptz)
returns table (id text, doc jsonb, status text, created_at timestamptz, completed_at timestamptz)
language sql stable as $$
    select j.id,
           j.body || jsonb_strip_nulls(jsonb_build_object(
               'id', j.id,
               'status', j.status,
               'creationDate', instant_text(j.created_at),
               'completionDate', instant_text(j.completed_at),
               'url', coalesce(j.url, j.body ->> 'url'),
               'errorLog', j.error,
               'recordCount', j.row_count,
               'recordTotal', j.row_total,
               'fileSize', j.size,
               'checksum', 'sha256:' || j.checksum)),
           j.status, j.created_at, j.completed_at
    from usage_export_job() j
$$
