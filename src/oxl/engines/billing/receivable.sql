-- What is owed and paid: payments and other credits, and which bills they went to.

-- name: policy
select doc from bill_policy_doc()

-- name: set_policy
insert into billing_policy (doc) values ($1::jsonb) on conflict (one) do update set doc = excluded.doc

-- define: bill_policy_doc
create function bill_policy_doc() returns table (doc jsonb)
language sql stable as 'select doc from billing_policy'

-- name: accounts
select id, currency from inventory_account() where id = any ($1)

-- name: lock_accounts
-- In the order in which every verb of billing locks them; an account without bills has no row until now.
with kept as (
    insert into bill_account (account_id) select unnest($1::text[]) on conflict do nothing
)
select account_id from bill_account where account_id = any ($1) order by account_id for no key update

-- name: keep_payments
insert into payment (id, reference, kind, account_id, currency, amount, received_at, created_at)
select id, reference, 'payment', account_id, currency, amount, received_at, $1
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
    as p (id, reference, account_id, currency, amount, received_at)
order by reference
on conflict (reference) do nothing
returning reference

-- name: same_references
select id, reference, account_id, currency, amount from payment where reference = any ($1)

-- name: to_settle
select account_id from payment p
where p.spent < p.amount and exists (
    select from bill b where b.account_id = p.account_id and b.paid < b.owed and b.category not in ('trial', 'duplicate'))
group by account_id order by account_id limit $1

-- name: open_credits
select id, account_id, amount - spent as rest from payment where account_id = any ($1) and spent < amount order by id

-- name: open_bills
-- What is to be paid, in the order in which it is: what is due first, of the same day what was billed first.
select b.id, b.account_id, b.owed - b.paid as rest
from bill b
where b.account_id = any ($1) and b.paid < b.owed and b.category not in ('trial', 'duplicate')
order by b.account_id, b.due_at, b.place

-- name: use
with used as (
    insert into payment_use (payment_id, bill_id, amount, place, at)
    select u.payment_id, u.bill_id, u.amount, k.bills - $5::int, $1
    from unnest($2::text[], $3::text[], $4::bigint[]) as u (payment_id, bill_id, amount)
    join bill b on b.id = u.bill_id join bill_account k on k.account_id = b.account_id
    on conflict (payment_id, bill_id) do update set amount = payment_use.amount + excluded.amount
), spent as (
    update payment set spent = spent + s.amount
    from (select payment_id, sum(amount)::bigint as amount
          from unnest($2::text[], $4::bigint[]) as u (payment_id, amount) group by payment_id) s
    where payment.id = s.payment_id
)
update bill
set paid = paid + s.amount, updated_at = $1,
    state = case when bill.state not in ('sent', 'partiallyPaid') then bill.state
                 when bill.paid + s.amount = bill.owed then 'settled' else 'partiallyPaid' end
from (select bill_id, sum(amount)::bigint as amount
      from unnest($3::text[], $4::bigint[]) as u (bill_id, amount) group by bill_id) s,
     (select id, state from bill where id = any ($3)) before
where bill.id = s.bill_id and before.id = bill.id
returning bill.id, bill.state, before.state as state_before

-- name: below_zero
-- A bill below zero pays: what it comes to is the account's credit, and the bill is even.
with evened as (
    update bill set paid = owed where id = any ($2) and owed < 0 and paid <> owed
    returning id, account_id, currency, -owed as amount, bill_date
)
insert into payment (id, reference, kind, account_id, currency, amount, received_at, created_at)
select 'c.' || id, 'bill ' || id, 'credit', account_id, currency, amount, bill_date, $1 from evened

-- define: bill_dunned
-- Whether an account owes something of a bill for which a step of dunning was taken.
create function bill_dunned(account text) returns bool
language sql stable as $$
    select exists (select from bill b join bill_dunning d on d.bill_id = b.id
                   where b.account_id = account and b.paid < b.owed and b.category not in ('trial', 'duplicate'))
$$

-- name: overdue
-- Bills that are not paid and whose next step's time has come, so many days after they were due ($2, by step), with the
-- steps that were taken; of accounts, or of any.
select b.id, b.account_id, b.currency, b.due_at, coalesce(d.step, 0) as step
from bill b
left join lateral (select max(step) as step from bill_dunning where bill_id = b.id) d on true
where b.paid < b.owed and b.category not in ('trial', 'duplicate')
  and b.due_at + interval '24 hours' * ($2::int[])[coalesce(d.step, 0) + 1] <= $1
  and ($4::text[] is null or b.account_id = any ($4))
order by b.id limit $3

-- name: keep_dunning
insert into bill_dunning (id, bill_id, step, account_id, name, item_id, at, suspended)
select d.id, d.bill_id, d.step, d.account_id, d.name, d.item_id, $1, array(select jsonb_array_elements_text($8::jsonb -> n))
from unnest($2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[])
    with ordinality as d (id, bill_id, step, account_id, name, item_id, place)
cross join lateral (select place::int - 1 as n) p

-- name: lines
-- The lines of accounts that have a status.
select id from inventory_product($3)
where account_id = any ($1) and kind = 'subscription' and status = $2 order by id

-- name: held_lines
-- The lines of an account that steps of dunning hold suspended.
select distinct unnest(suspended) as id from bill_dunning
where account_id = $1 and suspended <> '{}' and lifted_at is null

-- name: to_lift
-- Steps that hold lines suspended though their bill is paid; of accounts, or of any.
select d.id, d.account_id, d.suspended
from bill_dunning d join bill b on b.id = d.bill_id
where d.suspended <> '{}' and d.lifted_at is null and b.paid >= b.owed and ($1::text[] is null or d.account_id = any ($1))
order by d.id limit $2

-- name: lift
update bill_dunning set lifted_at = $2 where id = any ($1)

-- define: bill_dunning_of
create function bill_dunning_of() returns setof bill_dunning
language sql stable as 'select d.* from bill_dunning d'
