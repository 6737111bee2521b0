"""TMF678 Customer Bill Management v4.0.0: a face of version 5 over the same bills."""
