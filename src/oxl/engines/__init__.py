"""The engines' hall: revenue without HTTP. In one row, each calling only to its left, inside its caller's transaction:
catalog, inventory ← ledger ← usage ← billing ← consumption ← recommendation.
"""
