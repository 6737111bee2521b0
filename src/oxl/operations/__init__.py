"""What operators look after an installation with: its health, its figures, its logs and traces, its backups."""
