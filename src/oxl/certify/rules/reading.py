"""What is asked of reading one, selecting attributes, and of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from oxl.certify.documents import Json
from oxl.certify.fitting import is_moment
from oxl.certify.rule import DOCUMENT, GUIDE, KITS, Blocked, Subject, error_faults, expect, rule
from oxl.certify.standard import Kind

UNKNOWN = "no-such-id"
_NOTES = ("@baseType", "@schemaLocation")


@rule("read.status", "One that is listed or was made can be read", DOCUMENT, "retrieve")
async def status(s: Subject) -> AsyncIterator[str]:
    """GET by id."""
    for fault in expect(await s.client.ask("GET", s.place(await s.one())), 200):
        yield fault


@rule("read.schema", "One fits the schema: classes, types, enums, dates", DOCUMENT, "retrieve")
async def schema(s: Subject) -> AsyncIterator[str]:
    """The whole document, by the class that each object names."""
    answer = await s.client.ask("GET", s.place(await s.one()))
    for fault in s.fits(answer) if answer.status == 200 else ():
        yield fault


@rule("read.mandatory", "One has every mandatory attribute", KITS, "retrieve")
async def mandatory(s: Subject) -> AsyncIterator[str]:
    """What the document requires, identity, and state and dates where it has them."""
    answer = await s.client.ask("GET", s.place(await s.one()))
    if answer.status == 200 and (missing := [name for name in s.kind.mandatory if name not in answer.doc]):
        yield f"{answer.told} without {', '.join(missing)}"


@rule("read.same", "One is read as it is listed", GUIDE, "retrieve")
async def same(s: Subject) -> AsyncIterator[str]:
    """The first of the list, read by its id: nothing differs but what may have happened since."""
    listed = (await s.entries())[0]
    answer = await s.client.ask("GET", s.place(listed))
    again = await s.client.ask("GET", s.url, query={"id": str(listed["id"])})
    shown = next((each for each in again.json or () if isinstance(each, dict) and each.get("id") == listed["id"]), None)
    if answer.status == 200 and answer.doc not in (listed, shown):
        differ = sorted(name for name in listed.keys() | answer.doc.keys() if listed.get(name) != answer.doc.get(name))
        yield f"{answer.told} with other {', '.join(differ)} than the list"


@rule("read.stable", "What nobody changes stays the same, to the letter", KITS, "retrieve")
async def stable(s: Subject) -> AsyncIterator[str]:
    """Two reads, one after the other; a task may have gone on."""
    place = s.place(await s.one())
    first = await s.client.ask("GET", place)
    second = await s.client.ask("GET", place)
    differ = sorted(name for name in first.doc if first.doc[name] != second.doc.get(name))
    moved = s.kind.state in differ
    if differ and not moved:
        yield f"{second.told} with another {', '.join(differ)} than a moment before"


@rule("read.href", "href leads to the resource", GUIDE, "retrieve")
async def href(s: Subject) -> AsyncIterator[str]:
    """GET of the href, asked of this server under whatever host it names."""
    doc = await s.one()
    if not isinstance(doc.get("href"), str):
        raise Blocked(f"a {s.kind.name} without an href")
    answer = await s.client.ask("GET", doc["href"])
    if answer.status != 200 or answer.doc.get("id") != doc["id"]:
        yield f"the href {doc['href']} of {doc['id']} answered {answer.status}, with the id {answer.doc.get('id')}"


@rule("read.slash", "A path with a slash at its end is the same path, without a redirect", KITS, "retrieve")
async def slash(s: Subject) -> AsyncIterator[str]:
    """GET by id with a slash."""
    for fault in expect(await s.client.ask("GET", f"{s.place(await s.one())}/"), 200):
        yield fault


@rule("read.type", "A GET that says Content-Type, and one without headers, are answered", KITS, "retrieve")
async def headers(s: Subject) -> AsyncIterator[str]:
    """As kits send them: a Content-Type with no body, any Accept."""
    place = s.place(await s.one())
    for more in ({"content-type": "application/json"}, {"accept": "*/*"}):
        for fault in expect(await s.client.ask("GET", place, headers=more), 200):
            yield f"{fault}, for {more}"


@rule("read.unknown", "An id that is not there is a 404", DOCUMENT, "retrieve")
async def unknown(s: Subject) -> AsyncIterator[str]:
    """GET by an id that nothing has."""
    for fault in expect(await s.client.ask("GET", f"{s.url}/{UNKNOWN}"), 404):
        yield fault


@rule("read.error", "A 404 is a whole Error document in JSON", DOCUMENT, "retrieve")
async def error(s: Subject) -> AsyncIterator[str]:
    """The body of the answer to an id that nothing has."""
    answer = await s.client.ask("GET", f"{s.url}/{UNKNOWN}")
    if answer.status < 400:
        raise Blocked(f"{answer.told}, which is no error")
    for fault in error_faults(s, answer):
        yield fault


@rule("read.nothing", "Nothing is null: what there is not is left out", KITS)
async def nulls(s: Subject) -> AsyncIterator[str]:
    """Every value of what is listed, however deep."""
    for entry in await s.entries():
        for place in _nulls(entry, "$"):
            yield f"{entry.get('id')}: {place} is null"


def _dated(kind: Kind) -> list[str]:
    found = kind.standard.flat(kind.schema).attributes
    return [name for name, schema in found.items() if schema.get("format") == "date-time"]


@rule("read.dates", "Dates have a time zone", DOCUMENT, when=lambda kind: bool(_dated(kind)))
async def dates(s: Subject) -> AsyncIterator[str]:
    """Every attribute of the schema that is a date-time."""
    for entry in await s.entries():
        for name in _dated(s.kind):
            if name in entry and not is_moment(entry[name]):
                yield f"{entry.get('id')}: {name} is {entry[name]!r}"


def _nulls(value: Any, at: str) -> Iterator[str]:
    if value is None:
        yield at
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _nulls(member, f"{at}.{name}")
    elif isinstance(value, list):
        for n, member in enumerate(value):
            yield from _nulls(member, f"{at}[{n}]")


def _chosen(s: Subject, doc: Json) -> tuple[str, set[str]]:
    """An attribute to select, and what may come besides it; Blocked where a document has too few to tell."""
    always = {*s.standard.always, "@type", *_NOTES, *s.standard.flat(s.kind.schema).required}
    free = sorted(name for name in doc if name not in always)
    if len(free) < 2:
        raise Blocked(f"a {s.kind.name} with so few attributes does not show a selection")
    return free[0], always | {free[0]}


@rule("select.only", "fields= answers with what was asked for, and identity", GUIDE, "retrieve")
async def only(s: Subject) -> AsyncIterator[str]:
    """One and a list; attributes that the document requires may come as well."""
    doc = await s.one()
    wanted, allowed = _chosen(s, doc)
    for place in (s.place(doc), s.url):
        answer = await s.client.ask("GET", place, query={"fields": wanted})
        rows = answer.json if isinstance(answer.json, list) else [answer.doc]
        more = {name for row in rows if isinstance(row, dict) for name in row} - allowed
        for fault in expect(answer, 200):
            yield f"{fault}, for fields={wanted}"
        if answer.status == 200 and more:
            yield f"{answer.told} for fields={wanted} with {', '.join(sorted(more))}"


@rule("select.asked", "fields= answers with the attribute that was asked for", GUIDE, "retrieve")
async def asked(s: Subject) -> AsyncIterator[str]:
    """One attribute that the document has."""
    doc = await s.one()
    wanted, _ = _chosen(s, doc)
    answer = await s.client.ask("GET", s.place(doc), query={"fields": wanted})
    if answer.status == 200 and wanted not in answer.doc:
        yield f"{answer.told} for fields={wanted} without {wanted}"


@rule("select.identity", "A selection keeps what identifies: id, href, and the class in version 5", GUIDE, "retrieve")
async def identity(s: Subject) -> AsyncIterator[str]:
    """A selection of another attribute."""
    doc = await s.one()
    wanted, _ = _chosen(s, doc)
    answer = await s.client.ask("GET", s.place(doc), query={"fields": wanted})
    missing = [name for name in s.standard.always if name not in answer.doc]
    if answer.status == 200 and missing:
        yield f"{answer.told} for fields={wanted} without {', '.join(missing)}"


@rule("methods.refused", "A method that the document does not have is refused with 405")
async def refused(s: Subject) -> AsyncIterator[str]:
    """PUT of one, which no document has."""
    for fault in expect(await s.client.ask("PUT", s.place(await s.one()), {}), 405, 501):
        yield fault
