"""What an operator tries out: catalog files not yet published, events told again, a sandbox's clock and faults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from oxl.apis.standard import Entity, EntityRef, Flag, Instant, Text, Whole, instant_in
from oxl.clock import system_now
from oxl.db import sandbox
from oxl.db.faults import faults_of
from oxl.engines.billing.periods import local_day, midnight
from oxl.engines.billing.setup import policy_of
from oxl.engines.catalog import checks
from oxl.kernel.declare import Field, Resource, Task
from oxl.outbox.replay import Wanted, replay
from oxl.settings import read_settings
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work, invalid

Share = Annotated[Decimal, msgspec.Meta(extra_json_schema={"type": "number"})] | UnsetType
_BODY = msgspec.json.Encoder(decimal_format="number")
_FARTHEST = timedelta(days=400)
_PAST_MIDNIGHT = timedelta(minutes=1)


class EventReplay(Entity):
    """A request to tell a subscription again: all since a time, or what was given up: one dead letter, or all."""

    hubListener: EntityRef | UnsetType = UNSET  # noqa: N815 - the standard's way of writing
    deadLetter: EntityRef | UnsetType = UNSET  # noqa: N815
    startDateTime: Instant = UNSET  # noqa: N815
    number: Whole = UNSET
    creationDate: Instant = UNSET  # noqa: N815


class CatalogFile(msgspec.Struct, kw_only=True):
    """A file of a catalog: its path in the folder, and its text."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$")]
    text: Annotated[str, msgspec.Meta(max_length=1_000_000)] | UnsetType = UNSET


class CatalogProblem(msgspec.Struct, kw_only=True):
    """Something wrong in a file."""

    file: str
    line: int
    field: str
    message: str


class CatalogCheck(Entity):
    """Catalog files, held against the rules as if they were published beside those that are."""

    status: Literal["good", "faulty"] | UnsetType = UNSET
    creationDate: Instant = UNSET  # noqa: N815
    file: Annotated[list[CatalogFile], msgspec.Meta(min_length=1, max_length=500)] | UnsetType = UNSET
    problem: list[CatalogProblem] | UnsetType = UNSET


class SandboxFaults(msgspec.Struct, kw_only=True):
    """What goes wrong on purpose: shares of 1, milliseconds. What is not said does not go wrong."""

    errorShare: Share = UNSET  # noqa: N815
    errorStatus: Annotated[int, msgspec.Meta(ge=500, le=504)] | UnsetType = UNSET  # noqa: N815
    requestDelay: Annotated[int, msgspec.Meta(ge=0, le=30_000)] | UnsetType = UNSET  # noqa: N815
    eventDelay: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | UnsetType = UNSET  # noqa: N815
    duplicateShare: Share = UNSET  # noqa: N815


class Sandbox(Entity):
    """The tenant's clock, how many seconds it is ahead, what goes wrong on purpose, and whether it is marked.

    timeZone is the one in which the operator's days begin, as the billing policy says.
    """

    now: Instant = UNSET
    timeZone: Text = UNSET  # noqa: N815
    ahead: Whole = UNSET
    frozen: Instant = UNSET
    isMarked: Flag = UNSET  # noqa: N815
    faults: SandboxFaults | UnsetType = UNSET


class SandboxAction(Entity):
    """Something done to a sandbox: its clock moved, faults set, or everything put back to the demo."""

    kind: Literal["moveClock", "setFaults", "resetDemo"] | UnsetType = UNSET
    until: Instant = UNSET
    faults: SandboxFaults | UnsetType = UNSET
    subscribers: Annotated[int, msgspec.Meta(ge=10, le=10_000)] | UnsetType = UNSET
    records: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    state: Text = UNSET
    note: Text = UNSET
    creationDate: Instant = UNSET  # noqa: N815


# ── verbs ──


async def create_replay(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /eventReplay: the worker tells again what is asked for."""
    results: list[Done | Refused] = []
    for body in bodies:
        listener, letter = body["hubListener"]["id"], body.get("deadLetter", {}).get("id", "")
        if letter and not letter.startswith(f"{listener}."):
            results.append(invalid("deadLetter.id", "is not one of this listener").refused)
            continue
        event = letter.removeprefix(f"{listener}.") or None
        made = await replay(work.conn, Wanted(listener, instant_in(body, "startDateTime"), event), work.now)
        unknown = invalid("hubListener.id", "no subscription of this id stands", "unknownListener").refused
        results.append(Done(made, ("create",)) if made else unknown)
    return results


async def create_check(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /catalogCheck: nothing is published."""
    return await checks.check(work, [{each["path"]: each.get("text", "") for each in body["file"]} for body in bodies])


async def create_action(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /sandboxAction: at once, but for a reset, which the worker does."""
    results: list[Done | Refused] = []
    for body in bodies:
        try:
            if read_settings().auth != "dev" and not await sandbox.is_marked(work.conn):
                text = "this tenant is no sandbox; `oxl sandbox mark` makes it one"
                raise Refusal(Refused("conflict", "notASandbox", text))
            results.append(await _act(work, body))
        except Refusal as refusal:
            results.append(refusal.refused)
    return results


async def _act(work: Work, body: dict[str, Any]) -> Done:
    kind = body["kind"]
    if kind == "moveClock":
        moment = instant_in(body, "until") or await month_end(work)
        if moment <= work.now:
            raise invalid("until", "must be later than the sandbox's now: its clock only goes on")
        if moment > work.now + _FARTHEST:
            raise invalid("until", f"lies more than {_FARTHEST.days} days ahead")
        await sandbox.move_to(work.conn, moment)
    elif kind == "setFaults":
        await sandbox.set_faults(work.conn, faults_of(_BODY.encode(_faults(body)).decode()))
    state = "acknowledged" if kind == "resetDemo" else "done"
    at = system_now()  # the tenant's own may go back by a reset
    made = new_id(at)
    await sandbox.keep(work.conn, made, kind, state, at, _BODY.encode(body).decode())
    return Done(made, ("create",), state)


def _faults(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("faults", {})
    for name in ("errorShare", "duplicateShare"):
        if not 0 <= given.get(name, 0) <= 1:
            raise invalid(f"faults.{name}", "is a share: from 0 to 1")
    return given


async def month_end(work: Work) -> datetime:
    """Just after the end of the operator's month, in its own time zone."""
    zone = (await policy_of(work)).zone
    today = local_day(work.now, zone)
    first = today.replace(day=1, month=today.month % 12 + 1, year=today.year + today.month // 12)
    return midnight(first, zone) + _PAST_MIDNIGHT


TRYING = (
    Resource(
        name="eventReplay",
        type="EventReplay",
        shape=EventReplay,
        view="operator_replay",
        askable={"hubListener.id": Field("subscription_id"), "creationDate": Field("at", "instant")},
        create=create_replay,
        required=("hubListener",),
        server_set=("number", "creationDate"),
        events={"create": "EventReplayCreateEvent"},
        summary="Tell a subscription again: all since startDateTime, or else its dead letters, or one of them",
    ),
    Resource(
        name="catalogCheck",
        type="CatalogCheck",
        shape=CatalogCheck,
        view="operator_catalog_check",
        askable={"status": Field("status"), "creationDate": Field("at", "instant")},
        create=create_check,
        required=("file",),
        server_set=("status", "creationDate", "problem"),
        events={"create": "CatalogCheckCreateEvent"},
        summary="Check catalog files; every fault is told with file, line and field, and nothing is published",
    ),
    Resource(name="sandbox", type="Sandbox", shape=Sandbox, view="operator_sandbox", askable={"id": Field("id")}),
    Resource(
        name="sandboxAction",
        type="SandboxAction",
        shape=SandboxAction,
        view="operator_sandbox_action",
        askable={"kind": Field("kind"), "state": Field("state"), "creationDate": Field("at", "instant")},
        create=create_action,
        required=("kind",),
        server_set=("state", "note", "creationDate"),
        state="state",
        task=Task(final=("done", "terminatedWithError")),
        events={"create": "SandboxActionCreateEvent"},
        summary="Move the clock (to the end of the month, or until an instant), set faults, reset to the demo",
    ),
)
