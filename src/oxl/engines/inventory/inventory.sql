-- The inventory's statements. Histories are half-open periods; a null end is "still".

-- define: inventory_status
-- A product's status at an instant: one that has reached its end is terminated, whoever has noticed.
create function inventory_status(status text, valid_to timestamptz, at timestamptz) returns text
language sql immutable as $$ select case when valid_to <= at then 'terminated' else status end $$

-- define: inventory_guide
-- To which product, account and device a use at an instant belongs: by product where it is named, else by number.
create function inventory_guide(numbers text[], products text[], ats timestamptz[])
returns table (
    n bigint, product_id text, account_id text, device_id text, account_kind text, currency text,
    status text, plan_id text, open_window bigint, since timestamptz
)
language sql stable as $$
    select w.n, p.id, p.account_id, p.device_id, a.kind, a.currency,
           case when p.valid_from <= w.at and (p.valid_to is null or w.at < p.valid_to)
                then case p.status when 'terminated' then 'active' else p.status end else 'terminated' end,
           pp.plan_id, a.open_window, p.valid_from
    from unnest(numbers, products, ats) with ordinality as w (number, product, at, n)
    join lateral (
        select w.product as id where w.product is not null
        union all
        select u.product_id from number_use u
        where w.product is null and u.number = w.number and u.valid_from <= w.at
          and (u.valid_to is null or w.at < u.valid_to)
    ) found on true
    join product p on p.id = found.id
    join account a on a.id = p.account_id
    left join lateral (
        select plan_id from product_plan
        where product_id = p.id and valid_from <= w.at and (valid_to is null or w.at < valid_to)
        order by valid_from desc limit 1
    ) pp on true
$$

-- define: inventory_device
-- Devices with the number they hold, or held last.
create function inventory_device(now_ timestamptz)
returns table (id text, account_id text, party_id text, party_name text, value text, product_id text, offering_id text,
               status text, valid_from timestamptz, valid_to timestamptz)
language sql stable as $$
    select d.id, d.account_id, a.party_id, y.name, d.value, p.id, pp.offering_id,
           inventory_status(p.status, p.valid_to, now_), p.valid_from, p.valid_to
    from device d
    join account a on a.id = d.account_id
    join party y on y.id = a.party_id
    join product p on p.device_id = d.id and p.kind = 'subscription'
    left join lateral (
        select offering_id from product_plan where product_id = p.id order by valid_from desc limit 1
    ) pp on true
$$

-- define: inventory_product
create function inventory_product(now_ timestamptz)
returns table (id text, external_id text, kind text, account_id text, device_id text, status text, plan_id text,
               offering_id text, valid_from timestamptz, valid_to timestamptz, created_at timestamptz)
language sql stable as $$
    select p.id, p.external_id, p.kind, p.account_id, p.device_id,
           inventory_status(p.status, p.valid_to, now_), pp.plan_id, pp.offering_id, p.valid_from, p.valid_to, p.created_at
    from product p
    left join lateral (
        select plan_id, offering_id from product_plan where product_id = p.id order by valid_from desc limit 1
    ) pp on true
$$

-- define: inventory_account
create function inventory_account()
returns table (id text, external_id text, party_id text, party_name text, kind text, currency text,
               billing_day smallint, created_at timestamptz)
language sql stable as $$
    select a.id, a.external_id, a.party_id, p.name, a.kind, a.currency, a.billing_day, a.created_at
    from account a join party p on p.id = a.party_id
$$

-- define: inventory_party
create function inventory_party() returns table (id text, name text, body jsonb, created_at timestamptz)
language sql stable as 'select id, name, doc, created_at from party'

-- define: inventory_change
create function inventory_change()
returns table (id text, product_id text, action text, at timestamptz, body jsonb)
language sql stable as 'select id, product_id, action, at, doc from subscriber_change'

-- define: inventory_plan_stint
-- The products of accounts with the plans that they were on; `first`: the plan with which the product began.
create function inventory_plan_stint(accounts text[])
returns table (account_id text, product_id text, plan_id text, valid_from timestamptz, valid_to timestamptz, first bool)
language sql stable as $$
    select p.account_id, p.id, pp.plan_id, pp.valid_from, pp.valid_to, pp.valid_from = p.valid_from
    from product p join product_plan pp on pp.product_id = p.id
    where p.account_id = any (accounts)
$$

-- define: inventory_open_windows
create function inventory_open_windows(accounts text[]) returns table (account_id text, open_window bigint)
language sql stable as 'select id, open_window from account where id = any (accounts)'

-- define: inventory_hold_windows
-- The same, and no bill closes them before the transaction ends.
create function inventory_hold_windows(accounts text[]) returns table (account_id text, open_window bigint)
language sql volatile as 'select id, open_window from account where id = any (accounts) order by id for share'

-- define: inventory_close_windows
-- Close the accounts' bill windows: what is charged from now on is in the next.
create function inventory_close_windows(accounts text[]) returns table (account_id text, closed bigint)
language sql volatile as $$
    update account set open_window = account.open_window + 1
    from (select id from account where id = any (accounts) order by id for no key update) a
    where account.id = a.id
    returning account.id, account.open_window - 1
$$

-- define: inventory_known_party
-- The parties that a client may mean by these names: by id, or by the number of one of their lines.
create function inventory_known_party(names text[], now_ timestamptz)
returns table (name text, party_id text, birth_date text)
language sql stable as $$
    select w.name, p.id, p.doc ->> 'birthDate'
    from unnest(names) as w (name)
    join lateral (
        select w.name as id
        union all
        select a.party_id from number_use u join product o on o.id = u.product_id join account a on a.id = o.account_id
        where u.number = ltrim(w.name, '+') and u.valid_from <= now_ and (u.valid_to is null or now_ < u.valid_to)
    ) found on true
    join party p on p.id = found.id
$$

-- define: inventory_owned
-- Everything that the parties' accounts have now, with the line that it belongs to.
create function inventory_owned(parties text[], now_ timestamptz)
returns table (party_id text, account_id text, account_kind text, currency text, device_id text, product_id text,
               kind text, offering_id text, plan_id text)
language sql stable as $$
    select a.party_id, a.id, a.kind, a.currency, p.device_id, p.id, p.kind, pp.offering_id, pp.plan_id
    from account a
    join product p on p.account_id = a.id and p.status <> 'terminated' and p.valid_from <= now_
                  and (p.valid_to is null or now_ < p.valid_to)
    join product_plan pp on pp.product_id = p.id and pp.valid_from <= now_
                        and (pp.valid_to is null or now_ < pp.valid_to)
    where a.party_id = any (parties)
$$

-- define: inventory_held
-- The same without its beginning: what they have now or have coming. Under a line's lock this is what counts, because
-- another transaction may have begun after this one, and have ended before it.
create function inventory_held(parties text[], now_ timestamptz)
returns table (account_id text, account_kind text, device_id text, product_id text, offering_id text, plan_from timestamptz)
language sql stable as $$
    select a.id, a.kind, p.device_id, p.id, pp.offering_id, pp.valid_from
    from account a
    join product p on p.account_id = a.id and p.status <> 'terminated' and (p.valid_to is null or now_ < p.valid_to)
    join product_plan pp on pp.product_id = p.id and (pp.valid_to is null or now_ < pp.valid_to)
    where a.party_id = any (parties)
$$

-- define: inventory_bought
-- Every offering that a party has, or had at `since` or later: when it came by it, as which product.
create function inventory_bought(since timestamptz)
returns table (party_id text, account_kind text, offering_id text, product_id text, plan_from timestamptz)
language sql stable as $$
    select a.party_id, a.kind, pp.offering_id, p.id, pp.valid_from
    from product_plan pp
    join product p on p.id = pp.product_id
    join account a on a.id = p.account_id
    where pp.valid_to is null or pp.valid_to > since
$$

-- name: guide
select * from inventory_guide($1, $2, $3) order by n

-- name: holders
-- Whose numbers $1 were when, and whose products $2 are.
select u.number as name, u.valid_from, u.valid_to, p.account_id
from number_use u join product p on p.id = u.product_id where u.number = any ($1)
union all
select id, null, null, account_id from product where id = any ($2)

-- name: provisioning_turn
-- Numbers are given out by one transaction at a time, so that two never give the same one.
select pg_advisory_xact_lock(hashtext(current_schema || '.numbers'))

-- name: accounts
select id, external_id, party_id, kind, currency from account where external_id = any ($1) or id = any ($2)

-- name: taken_external_ids
select external_id from product where external_id = any ($1)

-- name: number_periods
select number, valid_from, valid_to from number_use where number = any ($1)

-- name: keep_parties
insert into party (id, name, doc, created_at)
select id, name, doc::jsonb, $1 from unnest($2::text[], $3::text[], $4::text[]) as p (id, name, doc)

-- name: keep_accounts
insert into account (id, external_id, party_id, kind, currency, billing_day, created_at)
select id, external_id, party_id, kind, currency, billing_day, $1
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[])
    as a (id, external_id, party_id, kind, currency, billing_day)

-- name: keep_devices
insert into device (id, account_id, value, created_at)
select id, account_id, value, $1 from unnest($2::text[], $3::text[], $4::text[]) as d (id, account_id, value)

-- name: keep_products
with kept as (
    insert into product (id, external_id, kind, account_id, device_id, status, valid_from, valid_to, created_at)
    select id, external_id, kind, account_id, device_id,
           case when valid_to <= $1 then 'terminated' else 'active' end, valid_from, valid_to, $1
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $9::timestamptz[], $10::timestamptz[])
        as p (id, external_id, kind, account_id, device_id, valid_from, valid_to)
)
insert into product_plan (product_id, valid_from, valid_to, offering_id, plan_id)
select id, valid_from, valid_to, offering_id, plan_id
from unnest($2::text[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[])
    as p (id, offering_id, plan_id, valid_from, valid_to)

-- name: keep_number_uses
insert into number_use (number, valid_from, valid_to, device_id, product_id)
select * from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[])

-- name: subscriptions
-- Products with the plan in force at an instant each; `leads`: the first of its account's products on that plan, which
-- alone is granted what they share. Those that had ended by then are left out.
select p.id, p.account_id, p.device_id, p.status, pp.plan_id, pp.valid_from as plan_since, p.valid_to,
       not exists (
           select from product o join product_plan op on op.product_id = o.id
           where o.account_id = p.account_id and o.id < p.id and op.plan_id = pp.plan_id
             and op.valid_from <= w.at and (op.valid_to is null or w.at < op.valid_to)
             and (o.valid_to is null or w.at < o.valid_to)
       ) as leads
from unnest($1::text[], $2::timestamptz[]) as w (id, at)
join product p on p.id = w.id
join product_plan pp on pp.product_id = p.id and pp.valid_from <= w.at and (pp.valid_to is null or w.at < pp.valid_to)
where p.valid_to is null or w.at < p.valid_to
order by p.id

-- name: lock_products
select p.id, p.account_id, p.device_id, p.status, p.valid_from, p.valid_to, a.kind as account_kind, pp.offering_id,
       pp.plan_id, pp.valid_from as plan_since
from product p
join account a on a.id = p.account_id
join product_plan pp on pp.product_id = p.id and pp.valid_to is not distinct from p.valid_to
where p.id = any ($1) and p.kind = 'subscription'
order by p.id
for no key update of p

-- name: add_ons
select id from product where device_id = any ($1) and kind = 'addOn' and status <> 'terminated'

-- name: set_status
update product set status = $2 where id = any ($1)

-- name: end_products
update product set status = 'terminated', valid_to = least(valid_to, $2) where id = any ($1)

-- name: end_plans
update product_plan set valid_to = $2 where product_id = any ($1) and (valid_to is null or valid_to > $2)

-- name: start_plan
insert into product_plan (product_id, valid_from, valid_to, offering_id, plan_id)
select id, $2, valid_to, $3, $4 from product where id = $1

-- name: end_number_uses
update number_use set valid_to = $2 where product_id = any ($1) and (valid_to is null or valid_to > $2)

-- name: keep_change
insert into subscriber_change (id, product_id, action, at, doc) values ($1, $2, $3, $4, $5)

-- name: keep_add_ons
-- Packs bought to lines that are active: each on its subscription's account and device; what is not returned had none.
with line as (
    select w.id, w.offering_id, w.plan_id, w.valid_to, p.account_id, p.device_id
    from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
        as w (id, subscription, offering_id, plan_id, valid_to)
    join product p on p.id = w.subscription and p.kind = 'subscription' and p.status = 'active'
), kept as (
    insert into product (id, kind, account_id, device_id, status, valid_from, valid_to, created_at)
    select id, 'addOn', account_id, device_id, 'active', $1, valid_to, $1 from line
)
insert into product_plan (product_id, valid_from, valid_to, offering_id, plan_id)
select id, $1, valid_to, offering_id, plan_id from line
returning product_id
