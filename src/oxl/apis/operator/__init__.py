"""OXL's own operator endpoints: provisioning and look-ups, in TM Forum vocabulary."""
