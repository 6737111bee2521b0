"""The verb of online charging: report the units that a session used and reserve its next quotas, in one call.

A quota is a reservation like any other, one for each bucket that it comes from, in the order in which buckets pay. A
request is told by its session and number: sent again it is answered as before, whoever sends it and however often.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from oxl.db.queries import load
from oxl.engines.inventory.inventory import guide
from oxl.engines.ledger.book import Book, Bucket
from oxl.engines.ledger.burn import Held
from oxl.engines.ledger.posting import columns, write
from oxl.engines.ledger.quota import Group, Purse, Told, Turn
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.ledger", "charging.sql")

_RESERVATION = (
    "id", "bucket_id", "account_id", "device_id", "unit", "amount", "used", "status", "reason", "expires_at",
    "requested_at", "confirmed_at", "ended_at", "body",
)  # fmt: skip
_BEST = ("insufficientBalance", "partlyGranted", "granted", "reported")  # the worst of its groups is the request's


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a session. The first says whose it is: an account, a product, or a number."""

    session: str
    number: int
    body: str  # JSON text, the client's document
    body_hash: bytes
    groups: tuple[Group, ...] = ()
    is_last: bool = False
    account_id: str | None = None
    product_id: str | None = None
    msisdn: str | None = None
    device_id: str | None = None


class _Session:
    """A locked session, with its open reservations by rating group once the buckets are locked."""

    def __init__(self, row: Any) -> None:
        self.id: str = row["id"]
        self.account_id: str = row["account_id"]
        self.device_id: str = row["device_id"]
        self.last_number: int = row["last_number"]
        self.is_open: bool = row["is_open"]
        self.ids: dict[str, list[str]] = msgspec.json.decode(row["quotas"])
        self.known: dict[str, tuple[str, str]] = msgspec.json.decode(row["known"]) if row["known"] else {}
        self.quotas: dict[str, list[dict[str, Any]]] = {}
        self.is_changed = False


async def report_and_reserve(work: Work, items: Sequence[Request]) -> list[Done | Refused]:
    """Answer each, as if one after another. Being short of balance is an answer, told by rating group, not a refusal.

    Refused: invalid (nobody's, or of an account without buckets), conflict (the session has ended, or is further on),
    mismatch (the number came before with another body).
    """
    sessions = await _open(work, items)
    live = sorted({s.account_id for s in sessions.values()})
    reservations = [each for s in sessions.values() for ids in s.ids.values() for each in ids]
    rows = await work.conn.fetch(q.hold, work.now, live, reservations) if live else ()
    book = Book({row["id"]: Bucket(row) for row in rows})
    purses: dict[str, list[Purse]] = defaultdict(list)
    held: dict[str, dict[str, Any]] = {}
    for row in rows:
        bucket = book.buckets[row["id"]]
        purses[bucket.account_id].append(Purse(bucket, Held({**row, "match": msgspec.json.decode(row["match"])})))
        for each, (amount, device) in (msgspec.json.decode(row["open"]) if row["open"] else {}).items():
            held[each] = _stored(each, bucket, amount, device, work.now)
    for session in sessions.values():
        session.quotas = {g: [held[each] for each in ids if each in held] for g, ids in session.ids.items()}
    results: list[Done | Refused] = []
    kept: list[tuple[Any, ...]] = []
    ended: list[dict[str, Any]] = []
    for item in items:
        result = _refusal(item, sessions.get(item.session), purses)
        if result is None:
            session = sessions[item.session]
            turn = Turn(book, purses[session.account_id], session.device_id, new_id(work.now), work.now)
            kept.append(_answer(turn, session, item, ended))
            result = Done(turn.request_id, ("create",), kept[-1][5])
        results.append(result)
    await write(work, book)
    await _keep(work, list(sessions.values()), kept, ended)
    return results


async def _open(work: Work, items: Sequence[Request]) -> dict[str, _Session]:
    """The sessions of the items, locked; those of nobody are not there."""
    accounts = [item.account_id for item in items]
    devices = [item.device_id or "" for item in items]
    asked = [n for n, item in enumerate(items) if not item.account_id and (item.product_id or item.msisdn)]
    if asked:
        owners = await guide(
            work, [items[n].msisdn for n in asked], [items[n].product_id for n in asked], [work.now] * len(asked)
        )
        for n, owner in zip(asked, owners, strict=True):
            if owner:
                accounts[n], devices[n] = owner.account_id, items[n].device_id or owner.device_id
    rows = await work.conn.fetch(
        q.open, work.now, [item.session for item in items], [item.number for item in items], accounts, devices
    )
    return {row["id"]: _Session(row) for row in rows}


def _stored(reservation_id: str, bucket: Bucket, amount: int, device_id: str, now: datetime) -> dict[str, Any]:
    """An open reservation as a row that can be stored again; `now` stands for instants that are never written twice."""
    row = dict.fromkeys(_RESERVATION) | {"id": reservation_id, "bucket_id": bucket.id, "account_id": bucket.account_id}
    row |= {"unit": bucket.unit, "amount": amount, "device_id": device_id, "status": "created", "body": "{}"}
    return row | {"expires_at": now, "requested_at": now, "is_stored": True}


def _refusal(item: Request, session: _Session | None, purses: dict[str, list[Purse]]) -> Done | Refused | None:
    """Why an item is not answered anew: it was answered before, or cannot be."""
    if session is None:
        message = "partyAccount, product or number: nobody is served under that name"
        return Refused("invalid", "unknownSubscriber", message, "partyAccount")
    known = session.known.get(str(item.number))
    if known:
        if known[1] == item.body_hash.hex():
            return Done(known[0])
        return Refused("mismatch", "keyReused", "requestNumber: was used for another request", "requestNumber")
    if not purses.get(session.account_id):
        return Refused("invalid", "unknownBucket", "partyAccount: has no bucket that could pay", "partyAccount")
    if item.account_id not in (None, session.account_id):
        message = "partyAccount.id: the session is of another account"
        return Refused("invalid", "accountMismatch", message, "partyAccount.id")
    if not session.is_open:
        return Refused("conflict", "sessionEnded", "sessionId: the session has ended", "sessionId")
    if item.number <= session.last_number:
        message = f"requestNumber: the session is at {session.last_number} already"
        return Refused("conflict", "requestOutOfOrder", message, "requestNumber")
    return None


def _answer(turn: Turn, session: _Session, item: Request, ended: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Take what was used, hold what is wanted; the row that is kept of the request."""
    told: list[Told] = []
    ids = iter(lambda: new_id(turn.now), None)
    for group in item.groups:
        quota = session.quotas.pop(group.id, [])
        charged, uncharged = turn.report(group, quota)
        ended += quota
        rows, answer = turn.grant(group if not item.is_last else msgspec.structs.replace(group, wanted=None), ids)
        told.append(msgspec.structs.replace(answer, charged=charged, uncharged=uncharged))
        if rows:
            session.quotas[group.id] = [row | {"body": _told_of(row, session, group)} for row in rows]
    if item.is_last:
        for quota in session.quotas.values():
            for row in quota:
                turn.end(row, 0)
            ended += quota
        session.quotas, session.is_open = {}, False
    session.last_number, session.is_changed = item.number, True
    status = min((answer.result for answer in told), key=_BEST.index, default="reported")
    text = msgspec.json.encode(told).decode()
    session.known[str(item.number)] = (turn.request_id, item.body_hash.hex())
    return turn.request_id, session.id, item.number, item.body_hash, session.account_id, status, item.body, text


def _told_of(row: dict[str, Any], session: _Session, group: Group) -> str:
    about = {
        "bucket": {"id": row["bucket_id"]},
        "description": f"quota of rating group {group.id} in charging session {session.id}",
    }
    return msgspec.json.encode(about).decode()


async def _keep(
    work: Work, sessions: Sequence[_Session], kept: Sequence[tuple[Any, ...]], ended: Sequence[dict[str, Any]]
) -> None:
    changed = [session for session in sessions if session.is_changed]
    if changed:
        begun = [row for s in changed for quota in s.quotas.values() for row in quota if "is_stored" not in row]
        rows = [[row[name] for name in _RESERVATION] for row in (*ended, *begun)]
        states = [(s.id, s.last_number, s.is_open, _ids(s.quotas)) for s in changed]
        await work.conn.execute(
            q.keep, work.now, *columns(kept), *columns(states), *(columns(rows) if rows else [[]] * len(_RESERVATION))
        )
    unused = [session.id for session in sessions if session.last_number < 0]
    if unused:
        await work.conn.execute(q.forget, unused)


def _ids(quotas: dict[str, list[dict[str, Any]]]) -> str:
    return msgspec.json.encode({group: [row["id"] for row in rows] for group, rows in quotas.items()}).decode()
