"""TMF677 Usage Consumption v4.0.0: a face of version 5 over the same queries."""
