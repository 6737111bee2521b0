"""A second toy: boxes that can be changed and taken away, and jobs that may be done later. Lenient, strict, and v4.

A box goes from new to open to closed. Its name steers it: "refuse" is a conflict, "break" raises, "locked" cannot go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import msgspec

from oxl.apis.standard import Entity, Extensible, Instant, Quantity, Ref, Text, Uri
from oxl.contract.strict import strictly
from oxl.db.database import Database, Tenant
from oxl.kernel.declare import Api, Change, Field, Operation, Resource, Task
from oxl.kernel.router import Kernel
from oxl.kernel.shapes import Facts
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

BASE, STRICT_BASE, OLD_BASE = "/boxes/v5", "/strict/v5", "/boxes/v4"
BOXES, JOBS = f"{BASE}/box", f"{BASE}/job"
_BODY = msgspec.json.Encoder(decimal_format="number")
_OURS = ("id", "creationDate", "lastUpdate", "length")

TABLES = """
create table box (id text primary key, at timestamptz not null, changed timestamptz not null, doc jsonb not null);
create function toy_box(now_ timestamptz) returns table (id text, doc jsonb, body jsonb, state text)
language sql stable as $$
    select id, doc || jsonb_build_object('id', id, 'length', length(doc ->> 'name'), 'creationDate', instant_text(at),
                                         'lastUpdate', instant_text(changed)), doc, doc ->> 'state'
    from box
$$;
"""


class Remark(Extensible):
    """What somebody wrote on a box."""

    author: Text = msgspec.UNSET
    text: Text = msgspec.UNSET


class PartRef(Ref):
    """Something that lies in a box."""

    manual: Uri = msgspec.UNSET


class PersonRef(Ref):
    """Somebody."""


class RoleRef(Ref):
    """What somebody is."""


class OwnerRef(Ref):
    """Whoever a box belongs to."""

    facts = Facts(one_of=(PersonRef, RoleRef))


class Box(Entity):
    """Something to put things in."""

    name: Text = msgspec.UNSET
    code: Text = msgspec.UNSET
    state: Literal["new", "open", "closed"] | msgspec.UnsetType = msgspec.UNSET
    count: int | msgspec.UnsetType = msgspec.UNSET
    size: Quantity | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    note: list[Remark] | msgspec.UnsetType = msgspec.UNSET
    owner: OwnerRef | msgspec.UnsetType = msgspec.UNSET
    part: list[PartRef] | msgspec.UnsetType = msgspec.UNSET
    creationDate: Instant = msgspec.UNSET  # noqa: N815
    lastUpdate: Instant = msgspec.UNSET  # noqa: N815
    length: int | msgspec.UnsetType = msgspec.UNSET


class Crate(Box):
    """A box of wood."""


class Job(Entity):
    """Something to be done."""

    name: Text = msgspec.UNSET
    state: Literal["acknowledged", "done", "failed"] | msgspec.UnsetType = msgspec.UNSET


async def _keep(work: Work, bodies: Sequence[dict[str, Any]], state: str) -> list[Done | Refused]:
    results: list[Done | Refused] = []
    for body in bodies:
        if body["name"] == "break":
            raise ValueError("broken")
        doc = _BODY.encode(body | {"state": state}).decode()
        statement = "insert into box (id, at, changed, doc) values ($1, $2, $2, $3)"
        box_id = new_id(work.now)
        await work.conn.execute(statement, box_id, work.now, doc)
        results.append(Done(box_id, ("create",), state))
    return results


async def make(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /box."""
    return await _keep(work, bodies, "new")


async def change(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /box."""
    results: list[Done | Refused] = []
    for each in changes:
        before, after = each.before.get("state"), each.after.get("state")
        assert each.changed
        assert "href" not in each.before
        assert "href" not in each.after
        if after != before and (before, after) not in (("new", "open"), ("open", "closed")):
            results.append(
                Refused("conflict", "illegalTransition", f"state: {before} does not become {after}", "state")
            )
        elif each.after.get("name") == "refuse":
            results.append(Refused("conflict", "refused", "name: is refused", "name"))
        else:
            if each.after.get("name") == "break":
                raise ValueError("broken")
            doc = _BODY.encode({name: value for name, value in each.after.items() if name not in _OURS}).decode()
            await work.conn.execute("update box set doc = $2, changed = $3 where id = $1", each.id, doc, work.now)
            results.append(Done(each.id))
    return results


async def take_away(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """DELETE /box."""
    statement = "delete from box where id = any ($1) and doc ->> 'name' <> 'locked' returning id"
    gone = {row["id"] for row in await work.conn.fetch(statement, list(ids))}
    locked = Refused("conflict", "locked", "the box is locked")
    return [Done(each, ("delete",)) if each in gone else locked for each in ids]


async def do(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /job: at once, but for one that is called slow."""
    results = []
    for body in bodies:
        results += await _keep(work, [body], "acknowledged" if body["name"] == "slow" else "done")
    return results


async def do_later(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /job of a client that does not wait."""
    return await _keep(work, bodies, "acknowledged")


BOX = Resource(
    name="box",
    type="Box",
    shape=Box,
    view="toy_box",
    has_body=True,
    askable={"state": Field("state")},
    computed=("length", "creationDate", "lastUpdate"),
    create=make,
    required=("name",),
    server_set=("state", "creationDate", "lastUpdate", "length"),
    patch=change,
    immutable=("code",),
    delete=take_away,
    state="state",
    events={
        "create": "BoxCreateEvent",
        "attributeValueChange": "BoxAttributeValueChangeEvent",
        "stateChange": "BoxStateChangeEvent",
        "delete": "BoxDeleteEvent",
    },
)
JOB = Resource(
    name="job",
    type="Job",
    shape=Job,
    view="toy_box",
    create=do,
    required=("name",),
    server_set=("state",),
    state="state",
    task=Task(final=("done", "failed"), accepted=202, later=do_later),
    patch=change,
    patchable=("name",),
    events={"create": "JobCreateEvent", "stateChange": "JobStateChangeEvent"},
)
API = Api(
    name="boxes", number="", title="Boxes", version="5.0.0", generation=5, base=BASE, resources=(BOX, JOB)
)  # fmt: skip
OLD = msgspec.structs.replace(API, name="old", generation=4, base=OLD_BASE)
(STRICT,) = strictly([msgspec.structs.replace(API, name="strict", base=STRICT_BASE)], "strict")
PATCH = Operation(API, BOX, change, "PATCH")


async def set_up(tenant: Tenant, database: Database) -> None:
    """The table and function in the tenant's schema."""
    async with database.owner() as conn:
        await conn.execute(f"set search_path = {tenant.path}; {TABLES}")
        await conn.execute(f"grant select, insert, update, delete on box to oxl_{tenant.name}")


def box_client(tenant: Tenant) -> httpx.AsyncClient:
    """A client of the boxes in a process of its own, as it were."""
    kernel = Kernel((API, STRICT, OLD), tenant, "", 1000, 1 << 20)
    return httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://boxes.example")


@asynccontextmanager
async def second_client(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client with connections and flushers of its own."""
    other = Tenant(tenant.name, tenant._connect, 4)
    other.clock = tenant.clock
    async with box_client(other) as client:
        yield client
    await other.close()
