"""TMF654 Prepay Balance Management v4."""
