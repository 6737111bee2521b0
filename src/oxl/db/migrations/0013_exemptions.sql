-- Accounts that need not pay tax; dunning that suspends, and what it lifts again; one bill asked for at a time.

create table tax_exemption (       -- while it is valid nothing on the account's bills has tax; one at a time
    id text primary key,
    account_id text not null,
    tax_category text not null check (tax_category in ('E', 'AE')),
    reason text not null,
    reason_code text,              -- of the list VATEX
    certificate text,
    jurisdiction text,
    tax_number text,               -- the customer's, who owes the tax where the charge is reversed
    valid_from timestamptz not null,
    valid_to timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check (valid_to > valid_from),
    check (tax_category <> 'AE' or tax_number is not null)
);
create index tax_exemption_account on tax_exemption (account_id, valid_from);
alter table bill_dunning add column suspended text[] not null default '{}';
alter table bill_dunning add column lifted_at timestamptz;
create index bill_dunning_suspended on bill_dunning (account_id) where suspended <> '{}' and lifted_at is null;
alter table bill_account set (fillfactor = 50);
update bill_demand d set reason = 'alreadyRequested'
where kind = 'interim' and state = 'inProgress' and reason is null and exists (
    select from bill_demand e where e.account_id = d.account_id and e.id < d.id and e.kind = 'interim'
      and e.state = 'inProgress' and e.reason is null);
create unique index bill_demand_one on bill_demand (account_id)
    where kind = 'interim' and state = 'inProgress' and reason is null;
