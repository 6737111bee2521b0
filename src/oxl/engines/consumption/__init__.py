"""Live consumption: what a device has used and has left, computed from the ledger when it is asked."""
