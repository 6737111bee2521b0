"""Who may ask for what: every request passes here before it reaches the kernel of its tenant.

gate (the way in) → keys or tokens (who it is) → rates → scopes (what that role may) → the kernel of the tenant, told by
a `Caller` what is in sight.
"""
