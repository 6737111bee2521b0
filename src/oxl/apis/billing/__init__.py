"""OXL's operator endpoints of billing: `/oxl/billing/v1`."""
