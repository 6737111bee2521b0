"""The prepaid ledger: buckets, and the double-entry transfers that are their only truth."""
