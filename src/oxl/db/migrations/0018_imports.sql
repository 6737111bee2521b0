-- Imports of files in parts, which any number of workers take beside each other.

alter table usage_import add laid bool;  -- of one in parts: whether all of the file is in parts
create table usage_import_part (   -- lines of a file that workers take beside each other, gone when they are done
    import_id text references usage_import,
    number bigint,                 -- in the order of the file
    lane int not null,             -- what is of one lane is done in order
    behind bigint not null,        -- all parts up to this one are done before, of whatever lane
    taken int not null default 0,  -- records at its front that are done
    lines bytea not null,
    primary key (import_id, number)
);
create table usage_import_lane (   -- what came of a lane so far; there until the import is done
    import_id text references usage_import,
    lane int,
    counts jsonb not null default '{}',
    primary key (import_id, lane)
);
