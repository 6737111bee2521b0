-- The documents of bills: what they say, and the bytes that say it.

-- define: bill_document_of
create function bill_document_of(bill text) returns table (kind text, hash bytea, size bigint, made_at timestamptz)
language sql stable as $$ select kind, hash, size, made_at from bill_document where bill_id = bill order by kind $$

-- name: due
-- Bills that were issued and have no documents yet, which nobody else is at.
select id from bill
where documents = 'due' and category <> 'trial' and state not in ('new', 'onHold')
order by id limit $1 for no key update skip locked

-- name: count_due
select count(*) from bill where documents = 'due' and category <> 'trial' and state not in ('new', 'onHold')

-- name: kept
select bill_id, doc::text as doc from bill_facts where bill_id = any ($1)

-- name: bills
-- $1 bills, $2 now
select b.id, b.number, b.category, b.state, b.currency, b.bill_date, b.period_start, b.period_end, b.due_at, b.net, b.tax,
       b.rounding, b.carried, b.owed, b.lines_of, o.number as of_number, b.account_id,
       coalesce(a.external_id, a.id) as account, a.party_name as name, p.body::text as party,
       array(select d.id from inventory_device($2) d where d.account_id = b.account_id) as devices
from bill_of() b
join inventory_account() a on a.id = b.account_id
join inventory_party() p on p.id = a.party_id
left join bill_of() o on o.id = b.of_bill and b.category = 'credit note'
where b.id = any ($1)

-- name: lines
select bill_id, rate_type, name, product_id, plan_id, unit, quantity, events, of_days, period_start, period_end,
       tax_category, tax_rate, tax_included, shown, net, tax
from bill_line where bill_id = any ($1) order by bill_id, place

-- name: taxes
select bill_id, tax_category, tax_rate, base, tax from bill_tax where bill_id = any ($1) order by bill_id, tax_category

-- name: exemptions
-- Why lines have no tax: of the account's exemptions that had begun, the newest of each category in the tax table.
select distinct on (b.id, x.tax_category) b.id as bill_id, x.tax_category as category, x.reason,
       coalesce(x.reason_code, '') as reason_code, coalesce(x.certificate, '') as certificate,
       coalesce(x.tax_number, '') as tax_number
from bill_of() b
join bill_tax t on t.bill_id = b.lines_of
join tax_exemption x on x.account_id = b.account_id and x.tax_category = t.tax_category and x.valid_from <= b.bill_date
where b.id = any ($1)
order by b.id, x.tax_category, x.valid_from desc

-- name: numbers
-- $1 products, $2 now
select distinct on (p.id) p.id, d.value as number
from inventory_product($2) p join inventory_device($2) d on d.id = p.device_id
where p.id = any ($1)
order by p.id, d.valid_from desc

-- name: used
-- $1 devices, $2 from, $3 until, $4 time zone
select unit, day, sum(quantity)::bigint as quantity from usage_by_day($1, $2, $3, $4) group by unit, day

-- name: keep_facts
insert into bill_facts (bill_id, doc) select * from unnest($1::text[], $2::jsonb[]) on conflict do nothing

-- name: keep_contents
insert into bill_content (hash, content) select distinct on (hash) * from unnest($1::bytea[], $2::bytea[]) as c (hash, content)
order by hash
on conflict do nothing

-- name: keep_documents
insert into bill_document (bill_id, kind, hash, size, made_at)
select d.bill_id, d.kind, d.hash, d.size, $5 from unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[])
    as d (bill_id, kind, hash, size)
on conflict (bill_id, kind) do update set hash = excluded.hash, size = excluded.size, made_at = excluded.made_at

-- name: done
update bill set documents = $2 where id = any ($1)

-- name: find
select d.hash, c.content from bill_document d join bill_content c on c.hash = d.hash where d.bill_id = $1 and d.kind = $2

-- name: again
-- Those that could not be made are tried again.
update bill set documents = 'due' where documents = 'failed'
