"""TMF678 Customer Bill Management v5."""
