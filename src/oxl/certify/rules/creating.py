"""What is asked of a POST: that what it answers is true, kept, listed, and that what is no body is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from oxl.certify.rule import DOCUMENT, GUIDE, KITS, Blocked, Subject, error_faults, expect, rule

_GARBAGE = {"an empty body": b"", "a broken body": b'{"a": ', "an array": b"[]", "a text": b'"text"'}


@rule("create.status", "A creation is 201 with a JSON object", DOCUMENT, "create")
async def status(s: Subject) -> AsyncIterator[str]:
    """POST of what the document requires."""
    answer = await s.post()
    for fault in expect(answer, 201):
        yield f"{fault}: {answer.text[:200]}"
    if answer.status == 201 and not answer.doc:
        yield f"{answer.told} with no JSON object"


@rule("create.schema", "What was created fits the schema", DOCUMENT, "create")
async def schema(s: Subject) -> AsyncIterator[str]:
    """The answer to the POST, by the class that each object names."""
    await s.made()
    answer = await s.post()
    for fault in s.fits(answer) if answer.status in (200, 201) else ():
        yield fault


@rule("create.mandatory", "What was created has every mandatory attribute at once", KITS, "create")
async def mandatory(s: Subject) -> AsyncIterator[str]:
    """The answer to the POST."""
    doc = await s.made()
    if missing := [name for name in s.kind.mandatory if name not in doc]:
        yield f"POST {s.url} answered without {', '.join(missing)}"


@rule("create.location", "Location is where what was created is read, and equals its href", GUIDE, "create")
async def location(s: Subject) -> AsyncIterator[str]:
    """The header of the answer to the POST."""
    answer = await s.post()
    if answer.status not in (200, 201):
        raise Blocked(f"no {s.kind.name} could be made: {answer.told}")
    if not answer.headers.get("location"):
        yield f"{answer.told} without Location"
    elif answer.headers["location"] != answer.doc.get("href"):
        yield f"{answer.told} with the Location {answer.headers['location']} and the href {answer.doc.get('href')}"


@rule("create.echo", "What was sent comes back as it was sent", KITS, "create")
async def echo(s: Subject) -> AsyncIterator[str]:
    """Texts in any alphabet, identifiers, references by their ids, amounts."""
    body = await s.ground.body(s.kind)
    answer = await s.post(body)
    if answer.status not in (200, 201):
        raise Blocked(f"no {s.kind.name} could be made: {answer.told}")
    for name, value in body.items():
        if name.startswith("@") or name in ("id", "href", s.kind.state):
            continue
        if not _within(value, answer.doc.get(name)):
            yield f"{answer.told}: {name} was sent as {_cut(value)} and came back as {_cut(answer.doc.get(name))}"


def _within(sent: Any, got: Any) -> bool:
    """Whether all that was sent is in what came back; a server may add to an object."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(
            _within(value, got.get(name)) for name, value in sent.items() if not name.startswith("@")
        )
    if isinstance(sent, list):
        return isinstance(got, list) and len(got) >= len(sent) and all(map(_within, sent, got))
    if isinstance(sent, (int, float, Decimal)) and not isinstance(sent, bool):
        return isinstance(got, (int, Decimal)) and Decimal(str(sent)) == got
    return sent == got


def _cut(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:100]


@rule("create.kept", "What was created can be read, as it was answered", GUIDE, "create retrieve")
async def kept(s: Subject) -> AsyncIterator[str]:
    """GET by the new id; a task may have gone on meanwhile."""
    doc = await s.made()
    answer = await s.client.ask("GET", s.place(doc))
    for fault in expect(answer, 200):
        yield f"{fault}, after it was created"
    moved = s.kind.state and answer.doc.get(s.kind.state) != doc.get(s.kind.state)
    differ = sorted(name for name in doc.keys() | answer.doc.keys() if doc.get(name) != answer.doc.get(name))
    if answer.status == 200 and differ and not moved:
        yield f"{answer.told} with another {', '.join(differ)} than the creation"


@rule("create.listed", "What was created is in the list, and counted", GUIDE, "create list")
async def listed(s: Subject) -> AsyncIterator[str]:
    """The list before and after."""
    before = await s.client.ask("GET", s.url)
    doc = await s.made()
    after = await s.client.ask("GET", s.url)
    ids = [each.get("id") for each in after.json or () if isinstance(each, dict)]
    grown = (after.counter("x-total-count") or 0) > (before.counter("x-total-count") or 0)
    if doc["id"] not in ids and (len(ids) == after.counter("x-total-count") or not grown):
        yield f"{after.told} without {doc['id']}, which was just created"
    elif not grown and after.counter("x-total-count") is not None:
        yield f"{after.told} with X-Total-Count {after.counter('x-total-count')}, which a creation did not raise"


@rule("create.distinct", "Every creation gets an id of its own", GUIDE, "create")
async def distinct(s: Subject) -> AsyncIterator[str]:
    """Two creations."""
    first, second = await s.made(), await s.made()
    if first["id"] == second["id"]:
        yield f"two creations of a {s.kind.name} have the id {first['id']}"


@rule("create.slash", "A POST to a path with a slash at its end is the same", KITS, "create")
async def slash(s: Subject) -> AsyncIterator[str]:
    """As some kits send it; no redirect, which would lose the body."""
    await s.made()
    for fault in expect(await s.post(slash="/"), 200, 201):
        yield fault


@rule("create.garbage", "What is no JSON object is a 400", DOCUMENT, "create")
async def garbage(s: Subject) -> AsyncIterator[str]:
    """Nothing, a part of an object, an array, a text."""
    for what, content in _GARBAGE.items():
        for fault in expect(await s.client.ask("POST", s.url, content=content), 400):
            yield f"{fault}, for {what}"


@rule("create.error", "A 400 is a whole Error document in JSON", DOCUMENT, "create")
async def error(s: Subject) -> AsyncIterator[str]:
    """The body of the answer to a broken one."""
    answer = await s.client.ask("POST", s.url, content=_GARBAGE["a broken body"])
    if answer.status < 400:
        raise Blocked(f"{answer.told}, which is no error")
    for fault in error_faults(s, answer):
        yield fault


@rule("create.values", "A value of another kind than the document has is a 400", DOCUMENT, "create")
async def values(s: Subject) -> AsyncIterator[str]:
    """A number where an object belongs, a word outside an enum; never a 500."""
    wrong = s.ground.wrong(s.kind, await s.ground.body(s.kind))
    if not wrong:
        raise Blocked(f"the form of a {s.kind.name} requires nothing that can be sent wrongly")
    for what, body in wrong:
        for fault in expect(await s.post(body), 400, 422):
            yield f"{fault}, for {what}"


@rule("create.media", "A body that is no JSON by its Content-Type is refused", GUIDE, "create")
async def media(s: Subject) -> AsyncIterator[str]:
    """XML: 415, or 400 where a server does not tell them apart."""
    answer = await s.client.ask("POST", s.url, content=b"<a/>", headers={"content-type": "text/xml"})
    for fault in expect(answer, 415, 400):
        yield fault
