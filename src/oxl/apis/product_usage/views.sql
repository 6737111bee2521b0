-- TMF635 v5 from outside. `body` is what the client sent; what OXL computes is laid over it.

-- define: product_usage
-- What is computed is written as text and read once: putting it together value by value costs three times as much, and
-- every record that is taken, listed or exported pays for it.
create function product_usage(now_ timestamptz)
returns table (id text, doc jsonb, body jsonb, status text, usage_type text, specification_id text, product_id text,
               created_at timestamptz, updated_at timestamptz, account_id text)
language sql stable as $$
    select u.id,
           u.body || ('{"id":' || to_json(u.id)
               || ',"status":' || to_json(u.status)
               || coalesce(',"statusReason":' || to_json(u.reason), '')
               || ',"creationDate":"' || instant_text(u.created_at)
               || '","lastUpdate":"' || instant_text(u.updated_at) || '"'
               || case when u.product_id is null or u.body ? 'product' then '' else
                  ',"product":{"@type":"ProductRef","@referredType":"Product","id":' || to_json(u.product_id) || '}' end
               || coalesce(',"usageProductPrice":[' || (
                   select string_agg(
                       '{"@type":"ProductPrice","priceType":"usage","name":' || to_json(l.name)
                       || ',"description":' || to_json(l.kind)
                       || ',"unitOfMeasure":' || to_json(l.unit)
                       || coalesce(',"zone":' || to_json(nullif(l.zone, '')), '')
                       || ',"quantity":{"amount":' || l.quantity || ',"units":' || to_json(l.unit)
                       || coalesce('},"bucket":{"@type":"BucketRef","@referredType":"Bucket","id":' || to_json(l.bucket), '')
                       || '},"productOfferingPrice":{"@type":"ProductOfferingPriceRef","@referredType":'
                       || '"ProductOfferingPrice","id":' || to_json(l.component)
                       || coalesce(',"version":"' || u.plan_version || '"', '')
                       || '},"price":{"@type":"Price","taxRate":' || trim_scale(l.tax_rate)
                       || ',"dutyFreeAmount":{"unit":' || to_json(l.currency) || ',"value":' || in_units(l.net, 1000000)
                       || '},"taxIncludedAmount":{"unit":' || to_json(l.currency) || ',"value":'
                       || in_units(l.gross, 1000000) || '}}}', ',' order by l.n)
                   from rows from (jsonb_to_recordset(u.prices) as (
                       name text, kind text, unit text, zone text, quantity bigint, bucket text, component text,
                       tax_rate numeric, currency text, net bigint, gross bigint)) with ordinality
                       as l (name, kind, unit, zone, quantity, bucket, component, tax_rate, currency, net, gross, n)
                   ) || ']', '') || '}')::jsonb,
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
