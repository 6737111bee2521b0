"""What may be sold and what it costs: offerings, price plans, zone tables, usage specifications, tax rates."""
