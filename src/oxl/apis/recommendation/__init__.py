"""TMF680 Recommendation Management v4."""
