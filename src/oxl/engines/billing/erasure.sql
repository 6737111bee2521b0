-- What billing forgets of a party: its documents, which are drawn anew without it, and words. $1 accounts

-- name: unsettled
-- Whether something is still owed, or used and not billed.
select exists (select from bill where account_id = any ($1) and paid < owed and category not in ('trial', 'duplicate'))
    or exists (select from unnest($1::text[]) a, usage_owed(a) u where u.amount > 0)

-- name: forget
-- $2 patterns of names
with facts as (
    delete from bill_facts f using bill b
    where b.id = f.bill_id and b.account_id = any ($1) and f.doc -> 'buyer' ->> 'name' <> 'erased' returning f.bill_id
), documents as (
    delete from bill_document d using facts f where d.bill_id = f.bill_id returning d.hash
), again as (
    update bill set documents = 'due', body = '{}'
    from facts f where bill.id = f.bill_id returning 1
), bodies as (
    update bill set body = '{}' where account_id = any ($1) and body <> '{}' and id not in (select bill_id from facts)
), lines as (
    update bill_line set name = 'erased' where account_id = any ($1) and name like any ($2)
), items as (
    update bill_item set name = 'erased' where account_id = any ($1) and name like any ($2)
), demands as (
    update bill_demand set body = inventory_bare(body) where account_id = any ($1) and state <> 'inProgress'
), exemptions as (
    update tax_exemption set reason = 'erased', certificate = null,
        tax_number = case when tax_number is not null then 'erased' end where account_id = any ($1)
), payments as (
    update payment set reference = encode(sha256(reference::bytea), 'hex')
    where account_id = any ($1) and reference like any ($2) returning 1
)
select array(select hash from documents) as hashes, (select count(*) from again) as "customerBill",
       (select count(*) from documents) as "billDocument",
       (select count(*) from payments) as payment

-- name: forget_contents
delete from bill_content c where hash = any ($1) and not exists (select from bill_document d where d.hash = c.hash)
