-- Files of usage that are asked for as jobs.

-- engine: usage
create table export_job (          -- a file of usage that somebody asked for
    id text primary key,
    status text not null check (status in ('Not Started', 'Running', 'Succeeded', 'Failed')),
    created_at timestamptz not null,
    completed_at timestamptz,
    body jsonb not null,           -- what the client sent
    fence bigint not null default 0,  -- raised by every lease: whoever holds an older one writes nothing
    lease_until timestamptz,       -- while it runs: nobody else takes it before then
    row_count bigint,              -- records written so far, and of how many
    row_total bigint,
    size bigint,                   -- bytes of the finished file, their SHA-256, and where it is
    checksum text,
    url text,
    error text                     -- why it failed
);
create index export_job_open on export_job (id) where completed_at is null;
