"""Aurora Mobile, the demo operator: an invented German network, its people and traffic the same on every machine."""
