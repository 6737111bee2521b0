"""What an engine verb takes and gives back; the words between the kernel's hall and the engines'.

A verb is `async def verb(work: Work, items: list[...]) -> list[Done | Refused]`: one result per item, in order. It runs
inside its caller's transaction and neither commits nor sends anything: what happened is returned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")
Read = TypeVar("Read")
RefusalKind = Literal["invalid", "unknown", "conflict", "stale", "mismatch", "unsupported"]


class Work(NamedTuple):
    """The circumstances of one group of items: an open transaction of a tenant, and the tenant's now."""

    conn: Any  # an asyncpg connection bound to the tenant's role and schema
    now: datetime
    tenant: str


class Done(msgspec.Struct, frozen=True):
    """The resource `id` came to be or changed; `changes` are the keys of the declared events that happened to it.

    status and reason are for reports on many: the state that the resource came to, and why, where that is a question.
    others are further resources of the same kind that changed with it.
    """

    id: str
    changes: tuple[str, ...] = ()
    status: str = ""
    reason: str | None = None
    others: tuple[Done, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """Why one item was not done.

    kind: invalid (the item is wrong), unknown (no such resource), conflict (the state forbids it), stale (it was
    changed meanwhile), mismatch (an idempotency key came again with another body),
    unsupported (right, but not answered here).
    code: a short word clients can branch on; field: the attribute at fault, dotted; reference: id of a stored resource
    that tells more, such as the first record of a duplicate or the failed action.
    """

    kind: RefusalKind
    code: str
    message: str
    field: str | None = None
    reference: str | None = None
    changes: tuple[str, ...] = ()  # events of `reference`, when the refusal itself was stored


class Refusal(Exception):  # noqa: N818 – it carries a refusal, it is not an error of the program
    """Raised where a list of one is too much ceremony: carries a Refused to whoever makes the list of results."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


def invalid(field: str, message: str, code: str = "invalidValue") -> Refusal:
    """A Refusal that names the attribute at fault."""
    return Refusal(Refused("invalid", code, f"{field}: {message}", field))


def unsupported(field: str, what: str) -> Refusal:
    """A Refusal of what is right by the standard and not answered here."""
    return Refusal(Refused("unsupported", "notImplemented", f"{field}: {what} is not supported", field))


async def each_read(
    work: Work,
    items: Sequence[T],
    read: Callable[[T], Read],
    verb: Callable[[Work, list[Read]], Awaitable[Sequence[Done | Refused]]],
) -> list[Done | Refused]:
    """What a verb makes of what is read of each item; where `read` raises a Refusal, that is the item's result."""
    found: list[Read | Refused] = []
    for item in items:
        try:
            found.append(read(item))
        except Refusal as refusal:
            found.append(refusal.refused)
    wanted = [each for each in found if not isinstance(each, Refused)]
    results = iter(await verb(work, wanted) if wanted else ())
    return [each if isinstance(each, Refused) else next(results) for each in found]
