"""TMF677 Usage Consumption v5."""
