-- Usage specifications that are described by others than the catalog.

create table usage_specification ( -- what is only described: no usage is read by it
    id text primary key,
    body jsonb not null,           -- what the client said of it
    created_at timestamptz not null,
    updated_at timestamptz not null
);
