-- What psql asks of the old and of the new server: all of it must be the same on both sides.

-- name: roles
SELECT 'role', rolname, rolsuper, rolcanlogin, rolpassword FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 2

-- name: databases
SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1' ORDER BY 1

-- name: content
SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 2;
SELECT 'object', relkind, relnamespace::regnamespace, relname, relowner::regrole FROM pg_class
 WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 2, 3::text, 4;
SELECT 'sequence', schemaname, sequencename, last_value FROM pg_sequences ORDER BY 2, 3;
SELECT format('SELECT ''rows'', %L, count(*) FROM ONLY %s', oid::regclass, oid::regclass) FROM pg_class
 WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
 ORDER BY oid::regclass::text \gexec

-- name: make_role
CREATE ROLE {role}

-- name: make_database
CREATE DATABASE {database}
