-- A usage's way through its states, prices by the period, jobs over many usages, and explanations of a price.

-- engine: usage
alter table usage
    add draws jsonb not null default '[]',
    add charges jsonb,
    add revision int not null default 0,
    add actor text not null default 'client',
    add reference text,
    add key bytea;
update usage u set key = k.key from usage_key k where k.usage_id = u.id;
update usage u
set charges = jsonb_build_array(jsonb_build_array(c.component, c.zone, c.tax_category, c.unit, c.quantity, c.net, 1))
from (select u.id, l ->> 'component' as component, l ->> 'zone' as zone, l ->> 'unit' as unit,
             (l ->> 'quantity')::bigint as quantity, (l ->> 'net')::bigint as net, o.tax_category
      from usage u cross join lateral jsonb_array_elements(u.prices) l
      join charge o on (o.account_id, o.charge_window, o.product_id, o.component, o.zone)
                     = (u.account_id, u.charge_window, u.product_id, l ->> 'component', l ->> 'zone')
      where l ->> 'kind' <> 'included') c
where u.id = c.id;
update usage u
set draws = d.draws
from (select action_id, jsonb_agg(jsonb_build_array(dr_bucket, amount) order by leg) as draws
      from transfer where kind = 'usage' and dr_bucket is not null group by action_id) d
where u.id = d.action_id;
create index usage_product on usage (product_id, started_at);
alter table usage_key add version int not null default 0;
create table usage_history (       -- what a usage was before each of its changes
    usage_id text,
    revision int,
    status text not null,
    reason text,
    actor text not null,
    reference text,
    at timestamptz not null,       -- when it came to be so
    account_id text,
    charge_window bigint,
    charges jsonb,
    plan_id text,
    plan_version int,
    prices jsonb not null,
    draws jsonb not null,
    primary key (usage_id, revision)
);
create index usage_history_charged on usage_history (account_id, charge_window) where charge_window is not null;
create table usage_counter (       -- what a product has used in a period of a component that is priced by the period
    product_id text,
    plan_id text,
    plan_version int,
    component text,
    period timestamptz,            -- its start
    quantity bigint not null,
    primary key (product_id, plan_id, plan_version, component, period)
) with (fillfactor = 80);
create table usage_job (           -- work over all usages that a filter means, done in steps
    id text primary key,
    kind text not null check (kind in ('retry', 'rerate')),
    state text not null check (state in ('acknowledged', 'inProgress', 'done', 'terminatedWithError')),
    filter jsonb not null,
    plan_version int,              -- of re-rating: the version that prices, whatever the dates say
    total bigint not null,
    counts jsonb not null default '{}',
    place text not null default '',  -- of the last account or usage that is done
    error text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create table usage_explanation (   -- a rating told step by step
    id text primary key,
    usage_id text,                 -- none: of a record that is not stored
    created_at timestamptz not null,
    doc jsonb not null
);
create table usage_restoring (     -- what restored usages are yet to become, and when they did where they come from
    usage_id text primary key,
    at timestamptz not null,
    status text not null,
    reason text,
    plan_version int
);
