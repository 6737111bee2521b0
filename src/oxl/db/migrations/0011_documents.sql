-- Documents of bills.

alter table bill add column documents text not null default 'due' check (documents in ('due', 'made', 'failed'));
create index bill_undocumented on bill (id)
    where documents = 'due' and category <> 'trial' and state not in ('new', 'onHold');
create table bill_facts (          -- what the documents of a bill say, as it was when they were first made
    bill_id text primary key references bill,
    doc jsonb not null
);
create table bill_content (        -- the bytes of documents, each once
    hash bytea primary key,        -- their SHA-256
    content bytea not null
);
alter table bill_content alter column content set storage external;  -- it is compressed already
create table bill_document (
    bill_id text references bill,
    kind text check (kind in ('pdf', 'ubl')),
    hash bytea not null references bill_content,
    size bigint not null,
    made_at timestamptz not null,
    primary key (bill_id, kind)
);
create index bill_document_content on bill_document (hash);
