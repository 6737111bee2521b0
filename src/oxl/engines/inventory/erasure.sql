-- What is left of a party that was erased: ids that say nothing, and a number that nobody can have.

-- define: inventory_bare
-- What of a client's words about somebody may stay: how much, of which kind, and when.
create function inventory_bare(doc jsonb) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(doc)
    where key in ('@type', '@baseType', 'amount', 'usageType', 'usageSpecification', 'validFor')
$$

-- define: inventory_without
-- Somebody else's words, without the attributes that name whoever these patterns fit.
create function inventory_without(doc jsonb, patterns text[]) returns jsonb
language sql immutable as $$
    select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(doc) where not value::text like any (patterns)
$$

-- define: inventory_nobodys
-- A number for a device whose own is forgotten: of a country code that is given to nobody.
create function inventory_nobodys(device text) returns text
language sql immutable as $$
    select '999' || lpad(((hashtextextended(device, 0) & 9223372036854775807) % 1000000000000)::text, 12, '0')
$$

-- define: inventory_erasure
create function inventory_erasure()
returns table (id text, party_id text, state text, reason text, counts jsonb, created_at timestamptz,
               completed_at timestamptz)
language sql stable as 'select id, party_id, state, reason, counts, created_at, completed_at from party_erasure'

-- name: keep
insert into party_erasure (id, party_id, state, created_at) select id, party, 'acknowledged', $1
from unnest($2::text[], $3::text[]) as e (id, party)

-- name: due
select id, party_id from party_erasure where state = 'acknowledged' order by id limit 1 for update skip locked

-- name: finish
update party_erasure set state = $2, reason = $3, counts = $4::jsonb, completed_at = $5 where id = $1

-- name: whose
-- $1 parties, $2 now. `served`: lines that have not ended.
select p.id as party, p.doc::text as doc,
       array(select a.id from account a where a.party_id = p.id order by a.id) as accounts,
       array(select d.id from device d join account a on a.id = d.account_id where a.party_id = p.id order by d.id) as devices,
       array(select o.id from product o join account a on a.id = o.account_id where a.party_id = p.id order by o.id)
           as products,
       array(select d.value from device d join account a on a.id = d.account_id where a.party_id = p.id
             union select u.number from number_use u join device d on d.id = u.device_id
                   join account a on a.id = d.account_id where a.party_id = p.id) as numbers,
       array(select a.external_id from account a where a.party_id = p.id and a.external_id is not null
             union select o.external_id from product o join account a on a.id = o.account_id
                   where a.party_id = p.id and o.external_id is not null) as names,
       exists (select from product o join account a on a.id = o.account_id
               where a.party_id = p.id and inventory_status(o.status, o.valid_to, $2) <> 'terminated') as served
from party p
where p.id = any ($1)
order by p.id
for update of p

-- name: forget
-- $1 the party, $2 its accounts, $3 its devices
with parties as (
    update party set name = 'erased', doc = '{}' where id = $1 and (name <> 'erased' or doc <> '{}') returning 1
), accounts as (
    update account set external_id = null where id = any ($2) and external_id is not null returning 1
), devices as (
    update device set value = inventory_nobodys(id) where id = any ($3) and value <> inventory_nobodys(id) returning 1
), numbers as (
    update number_use set number = inventory_nobodys(device_id)
    where device_id = any ($3) and number <> inventory_nobodys(device_id) returning 1
), products as (
    update product set external_id = null where account_id = any ($2) and external_id is not null returning 1
), changes as (
    update subscriber_change set doc = b.doc
    from (select c.id, jsonb_strip_nulls(jsonb_build_object(
              '@type', c.doc -> '@type', 'action', c.action, 'productOffering', c.doc -> 'productOffering',
              'subscriber', jsonb_build_object('@type', c.doc #> '{subscriber,@type}', 'id', c.product_id))) as doc
          from subscriber_change c join product p on p.id = c.product_id where p.account_id = any ($2)) b
    where b.id = subscriber_change.id and subscriber_change.doc <> b.doc
    returning 1
)
select (select count(*) from parties) as party, (select count(*) from accounts) as account,
       (select count(*) from devices) as device, (select count(*) from numbers) as number,
       (select count(*) from products) as product, (select count(*) from changes) as change
