"""The billing policy of a tenant as it is stored: read by every verb of billing, set by an operator."""

from __future__ import annotations

from oxl.db.queries import load
from oxl.engines.billing.policy import Policy, policy_from
from oxl.verbs import Work

q = load("oxl.engines.billing", "receivable.sql")


async def policy_of(work: Work) -> Policy:
    """The tenant's billing policy; the defaults where none was set."""
    text = await work.conn.fetchval(q.policy)
    return policy_from(text) if text else Policy()


async def set_policy(work: Work, text: str) -> Policy:
    """Set the policy; ValueError says what is wrong with it, and nothing is changed."""
    policy = policy_from(text)
    await work.conn.execute(q.set_policy, text)
    return policy
