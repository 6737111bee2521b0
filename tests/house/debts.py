"""What breaks a house rule today and is known: (path, what) by rule. Strike a line out when it is mended."""

from __future__ import annotations

_TENANTS = "src/oxl/db/tenants.sql"
_CATALOGUES = "src/oxl/db/upgrade.py"  # text for psql about another server's catalogs: its place is upgrade.sql

DEBTS: dict[str, tuple[tuple[str, str], ...]] = {
    "the_kernel_names_no_api": (  # examples in comments
        ("src/oxl/kernel/declare.py", "names TMF635"),
        ("src/oxl/kernel/declare.py", "names productUsageManagement"),
    ),
    "everything_public_says_what_it_is_for": (
        ("src/oxl/db/cluster.py", "pid_lines has no docstring"),
        ("src/oxl/engines/catalog/specification.py", "a_string has no docstring"),
        ("src/oxl/engines/catalog/specification.py", "a_whole_number has no docstring"),
        ("src/oxl/engines/catalog/specification.py", "a_number has no docstring"),
    ),
    "every_setting_says_what_it_is": (
        ("src/oxl/settings.py", "host has no comment"),
        ("src/oxl/settings.py", "port has no comment"),
        ("src/oxl/settings.py", "workers has no comment"),
        ("src/oxl/settings.py", "tenant has no comment"),
    ),
    "sql_stands_in_sql_files_and_in_kernel_select": (
        ("src/oxl/db/cluster.py", "SQL in a string: CREATE DATABASE"),
        (_CATALOGUES, "SQL in a string: SELECT 'role', rolname, rolsup"),
        (_CATALOGUES, "SQL in a string: SELECT datname FROM pg_databas"),
        (_CATALOGUES, "SQL in a string: SELECT 'schema', nspname FROM "),
        (_CATALOGUES, "SQL in a string: CREATE ROLE"),
    ),
    "a_sql_file_names_only_the_tables_of_its_owner": (  # theirs is a section `-- engine: db` in schema.sql
        (_TENANTS, "db names schema_version, a table of kernel"),
        (_TENANTS, "db names code_version, a table of kernel"),
        (_TENANTS, "db names tenant_clock, a table of kernel"),
    ),
}
