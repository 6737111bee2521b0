"""TMF635 Product Usage Management v5."""
