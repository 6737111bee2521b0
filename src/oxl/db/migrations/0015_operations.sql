-- Erasures of parties.

-- engine: inventory
create table party_erasure (       -- who was to be forgotten, and what that came to
    id text primary key,
    party_id text not null references party,
    state text not null check (state in ('acknowledged', 'done', 'terminatedWithError')),
    reason text,                   -- why it came to nothing
    counts jsonb,                  -- what was changed or removed, by resource
    created_at timestamptz not null,
    completed_at timestamptz
);
create index party_erasure_due on party_erasure (id) where state = 'acknowledged';
