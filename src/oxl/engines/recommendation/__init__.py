"""What to offer whom, and why: candidates from the catalog, filters, scores from live balances and a learned model."""
