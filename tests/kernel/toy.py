"""A toy API, to show that the kernel knows no revenue: notes in one table, seen through one SQL function.

A note's text steers it: "refuse" is a conflict that leaves nothing, "fail" is one that is kept, "mend" is invalid,
"break" raises, "reset" raises what a broken connection does, "drop" is stored and then the whole group is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from oxl.apis.standard import Entity, Flag, Instant, Quantity, Ref, Text
from oxl.contract.pages import documents, pages
from oxl.db.database import Database, Tenant
from oxl.kernel.declare import Api, Field, Operation, Resource
from oxl.kernel.router import Kernel
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

BASE = "/toy/v1"
NOTES = f"{BASE}/note"
CAP = 50
_BODY = msgspec.json.Encoder(decimal_format="number")

TABLES = """
create table note (id text primary key, at timestamptz not null, n int, doc jsonb not null);
create function toy_note(now_ timestamptz) returns table (id text, doc jsonb, body jsonb, text text, n int, urgent bool,
                                                          at timestamptz)
language sql stable as $$
    select id, doc || jsonb_build_object('id', id, 'creationDate', instant_text(at), 'length', length(doc ->> 'text')),
           doc, doc ->> 'text', n, (doc ->> 'isUrgent')::bool, at
    from note
$$;
"""


class Note(Entity):
    """Something written down."""

    text: Text = msgspec.UNSET
    n: int | msgspec.UnsetType = msgspec.UNSET
    isUrgent: Flag = msgspec.UNSET  # noqa: N815
    creationDate: Instant = msgspec.UNSET  # noqa: N815
    length: int | msgspec.UnsetType = msgspec.UNSET
    size: Quantity | msgspec.UnsetType = msgspec.UNSET
    about: list[Ref] | msgspec.UnsetType = msgspec.UNSET
    due: Instant = msgspec.UNSET


async def write(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /note."""
    results: list[Done | Refused] = []
    for body in bodies:
        note_id, text = new_id(work.now), body["text"]
        if text == "mend":
            results.append(Refused("invalid", "notSo", "text: cannot be mend", "text"))
        elif text == "refuse":
            results.append(Refused("conflict", "refused", "text: is refused", "text"))
        elif text == "break":
            raise ValueError("broken")
        elif text == "reset":
            raise ConnectionResetError("by the database")
        else:
            doc = _BODY.encode(body).decode()
            await work.conn.execute(
                "insert into note (id, at, n, doc) values ($1, $2, $3, $4)", note_id, work.now, body.get("n"), doc
            )
            kept = Refused("conflict", "failed", "text: has failed", "text", note_id, ("create", "failure"))
            results.append(kept if text == "fail" else Done(note_id, ("create",)))
    if any(body["text"] == "drop" for body in bodies):
        raise LookupError("dropped after it was stored")
    return results


NOTE = Resource(
    name="note",
    type="Note",
    shape=Note,
    view="toy_note",
    has_body=True,
    askable={
        "text": Field("text"),
        "n": Field("n", "number"),
        "isUrgent": Field("urgent", "boolean"),
        "creationDate": Field("at", "instant"),
    },
    computed=("length",),
    create=write,
    required=("text",),
    events={"create": "NoteCreateEvent", "failure": "NoteFailureEvent"},
)
READ_ONLY = Resource(name="readNote", type="Note", shape=Note, view="toy_note", askable={"text": Field("text")})
TOY = Api(
    name="toy", number="", title="Toy", version="1.0.0", generation=5, base=BASE, resources=(NOTE, READ_ONLY),
    hub=("create", "delete"),
)  # fmt: skip
WRITE = Operation(TOY, NOTE, write)


async def set_up(tenant: Tenant, database: Database) -> None:
    """The toy's table and function in the tenant's schema."""
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}; {TABLES}")
        await conn.execute(f"grant select, insert, update, delete on note to oxl_{tenant.name}")


def toy_client(tenant: Tenant, public: str = "") -> httpx.AsyncClient:
    """A client of the toy alone."""
    served = pages((TOY,), documents((TOY,), public), public)
    kernel = Kernel((TOY,), tenant, public, CAP, 1 << 20, pages=served)
    return httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://toy.example")


async def rows(tenant: Tenant, statement: str, *values: Any) -> list[Any]:
    """What the tenant's role reads."""
    async with tenant.connection() as conn:
        return [dict(row) for row in await conn.fetch(statement, *values)]
