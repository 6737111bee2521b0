"""The database's own corner: start it, connect to it, migrate it, load the statements that others run on it."""
