"""One script per claim. Each measures a limit and the product in the same run, in turn, and prints their ratio."""
