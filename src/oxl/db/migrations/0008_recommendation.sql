-- Recommendations: policies, models, consent, queries with their answers, and what was shown to whom.

create table recommendation_policy (  -- the rules by which offerings are ranked, as they were published; the last holds
    version int primary key,
    text text not null,
    published_at timestamptz not null
);
create table recommendation_model (
    version int primary key,
    trained_at timestamptz not null,
    status text not null check (status in ('active', 'retired', 'refused')),
    reason text,                   -- why it was refused
    ridge int not null,
    digest text not null,          -- of what it was trained on
    items text[] not null,
    weights bytea not null,        -- float32, row by row
    popularity jsonb not null,     -- owners by segment and offering
    tally jsonb not null,          -- how often shown and taken, by segment and offering
    metrics jsonb not null
);
create unique index recommendation_model_active on recommendation_model (status) where status = 'active';
create table recommendation_consent (
    party_id text primary key,
    opted_out bool not null,
    at timestamptz not null
);
create table recommendation_query (
    id text primary key,
    state text not null check (state in ('accepted', 'inProgress', 'done', 'terminatedWithError')),
    type text not null,
    party_id text,                 -- none: nobody that OXL knows
    created_at timestamptz not null,
    lease_until timestamptz,       -- of one in progress: then another worker may take it
    valid_to timestamptz,
    model_version int,
    policy_version int,
    body jsonb not null,           -- what the client sent
    items jsonb not null default '[]',
    reason text                    -- why it was terminated
);
create index recommendation_query_waiting on recommendation_query (id) where state in ('accepted', 'inProgress');
create index recommendation_query_body on recommendation_query using gin (body jsonb_path_ops);
create table recommendation_exposure (  -- every offering that was shown, and what came of it
    query_id text references recommendation_query,
    rank smallint,
    party_id text,
    offering_id text not null,
    device_id text,
    segment text not null,
    variant text not null,
    source text not null,
    score int not null,
    explored bool not null,
    at timestamptz not null,
    taken_at timestamptz,          -- when the offering was bought, by acceptance or in another way soon after
    product_id text,               -- what it became
    accepted_at timestamptz,
    body jsonb,                    -- of the acceptance
    primary key (query_id, rank)
);
create index recommendation_exposure_party on recommendation_exposure (party_id, at);
create index recommendation_exposure_accepted on recommendation_exposure (accepted_at) where accepted_at is not null;
