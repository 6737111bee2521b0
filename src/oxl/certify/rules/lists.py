"""What is asked of lists: that they are whole, counted, paged and filtered as their parameters say."""

from __future__ import annotations

from collections.abc import AsyncIterator

from oxl.certify.rule import DOCUMENT, GUIDE, KITS, Blocked, Subject, expect, rows, rule

_PARTIAL = (200, 206)


@rule("list.status", "A list that no page was asked of is 200", DOCUMENT)
async def status(s: Subject) -> AsyncIterator[str]:
    """GET of the collection."""
    for fault in expect(await s.page(), 200):
        yield fault


@rule("list.array", "A list is a JSON array of objects", DOCUMENT)
async def array(s: Subject) -> AsyncIterator[str]:
    """The body of the list."""
    answer = await s.page()
    if answer.status in _PARTIAL and not isinstance(answer.json, list):
        yield f"{answer.told} with no array"
    elif answer.status in _PARTIAL and len(rows(answer)) < len(answer.json):
        yield f"{answer.told} with entries that are no objects"


@rule("list.identity", "Every entry has what identifies it, as text", KITS)
async def identity(s: Subject) -> AsyncIterator[str]:
    """id and href, and the class where the document requires it."""
    for n, entry in enumerate(await s.entries()):
        for name in s.standard.always:
            if not isinstance(entry.get(name), str) or not entry[name]:
                yield f"entry {n} of {s.url} has no {name}"


@rule("list.mandatory", "Every entry has every mandatory attribute, old ones too", KITS)
async def mandatory(s: Subject) -> AsyncIterator[str]:
    """What the document requires, and state and dates where it has them."""
    for n, entry in enumerate(await s.entries()):
        for name in s.kind.mandatory:
            if name not in entry and name not in s.standard.always:
                yield f"entry {n} of {s.url} has no {name}"


@rule("list.schema", "Every entry fits the schema: classes, types, enums, dates", DOCUMENT)
async def schema(s: Subject) -> AsyncIterator[str]:
    """The whole list against the document, by the class that each object names."""
    await s.entries()
    for fault in s.fits(await s.page(), {"type": "array", "items": {"$ref": f"#/{s.kind.schema}"}}):
        yield fault


@rule("list.distinct", "No id is in a list twice")
async def distinct(s: Subject) -> AsyncIterator[str]:
    """The ids of the list."""
    ids = [str(entry.get("id")) for entry in await s.entries() if "id" in entry]
    if twice := sorted({each for each in ids if ids.count(each) > 1}):
        yield f"{s.url} shows {', '.join(twice[:3])} more than once"


@rule("list.total", "X-Total-Count tells how many there are")
async def total(s: Subject) -> AsyncIterator[str]:
    """The header of the list."""
    answer = await s.page()
    found, shown = answer.counter("x-total-count"), len(rows(answer))
    if found is None:
        yield f"{answer.told} without X-Total-Count"
    elif found < shown:
        yield f"{answer.told} with X-Total-Count {found} and {shown} entries"


@rule("list.counted", "X-Result-Count tells how many are in the answer")
async def counted(s: Subject) -> AsyncIterator[str]:
    """The header of the list."""
    answer = await s.page()
    found, shown = answer.counter("x-result-count"), len(rows(answer))
    if found != shown:
        yield f"{answer.told} with X-Result-Count {found} and {shown} entries"


@rule("list.type", "A list is application/json", DOCUMENT)
async def media(s: Subject) -> AsyncIterator[str]:
    """The Content-Type of the list."""
    answer = await s.page()
    if not answer.headers.get("content-type", "").startswith("application/json"):
        yield f"{answer.told} as {answer.headers.get('content-type') or 'no type'}"


@rule("list.slash", "A path with a slash at its end is the same path, without a redirect", KITS)
async def slash(s: Subject) -> AsyncIterator[str]:
    """GET of the collection with a slash."""
    for fault in expect(await s.client.ask("GET", f"{s.url}/"), 200):
        yield fault


async def _several(s: Subject) -> int:
    """How many there are, at least two; more are made where that can be done."""
    found = len(rows(await s.page()))
    for _ in range(2 - found if s.kind.form else 0):
        await s.made()
        found += 1
    if found < 2:
        raise Blocked(f"{s.url} has fewer than two entries to page through")
    return found


@rule("paging.limit", "limit bounds how many are answered with")
async def limit(s: Subject) -> AsyncIterator[str]:
    """A page of one."""
    await _several(s)
    answer = await s.client.ask("GET", s.url, query={"limit": "1"})
    for fault in expect(answer, *_PARTIAL):
        yield fault
    if answer.status in _PARTIAL and len(rows(answer)) != 1:
        yield f"{answer.told} with {len(rows(answer))} entries for limit=1"


@rule("paging.total", "X-Total-Count of a page is that of the whole list")
async def page_total(s: Subject) -> AsyncIterator[str]:
    """A page of one beside the list."""
    known = await _several(s)
    answer = await s.client.ask("GET", s.url, query={"limit": "1"})
    if (answer.counter("x-total-count") or 0) < known:
        yield f"{answer.told} with X-Total-Count {answer.counter('x-total-count')} where {known} are listed"


@rule("paging.offset", "offset passes over as many as it says")
async def offset(s: Subject) -> AsyncIterator[str]:
    """Three pages of one hold three different entries, or as many as there are."""
    seen: list[str] = []
    for n in range(min(await _several(s), 3)):
        answer = await s.client.ask("GET", s.url, query={"offset": str(n), "limit": "1"})
        for fault in expect(answer, *_PARTIAL):
            yield fault
        seen += [str(entry.get("id")) for entry in rows(answer)[:1]]
    if len(set(seen)) < len(seen):
        yield f"{s.url} shows {seen[-1]} on more than one page"


@rule("paging.end", "Past the end of a list there is nothing")
async def end(s: Subject) -> AsyncIterator[str]:
    """An offset far behind the last entry: 200 with an empty list, or 416."""
    answer = await s.client.ask("GET", s.url, query={"offset": "9999999", "limit": "1"})
    for fault in expect(answer, 200, 206, 416):
        yield fault
    if rows(answer):
        yield f"{answer.told} with an entry at offset 9999999"


@rule("paging.refused", "A limit or offset that makes no sense is a 400")
async def refused(s: Subject) -> AsyncIterator[str]:
    """Negative and unreadable ones."""
    for query in ({"limit": "-1"}, {"offset": "-1"}, {"limit": "many"}):
        answer = await s.client.ask("GET", s.url, query=query)
        for fault in expect(answer, 400):
            yield f"{fault}, for {query}"


@rule("filter.equal", "Every mandatory attribute filters by the text that the server gave", GUIDE)
async def equal(s: Subject) -> AsyncIterator[str]:
    """All that come have the value, and the one that it was taken from is among them."""
    doc = await s.one()
    for name in s.kind.mandatory:
        value = doc.get(name)
        if not isinstance(value, (str, bool)):
            continue
        text = str(value).lower() if isinstance(value, bool) else value
        answer = await s.client.ask("GET", s.url, query={name: text})
        if faults := expect(answer, 200):
            yield f"{faults[0]}, for {name}={text}"
            continue
        found = rows(answer)
        if others := [entry for entry in found if entry.get(name) != value]:
            yield f"{answer.told} for {name}={text} with {len(others)} entries whose {name} is another"
        elif doc["id"] not in [entry.get("id") for entry in found] and answer.counter("x-total-count") == len(found):
            yield f"{answer.told} for {name}={text} without {doc['id']}, which has it"


@rule("filter.nothing", "A value that nothing has finds nothing: 200 and an empty list, or 400", KITS)
async def nothing(s: Subject) -> AsyncIterator[str]:
    """For id, and for the state where there is one."""
    for name in filter(None, ("id", s.kind.state)):
        answer = await s.client.ask("GET", s.url, query={name: "no-such-value"})
        for fault in expect(answer, 200, 400):
            yield f"{fault}, for {name}=no-such-value"
        if rows(answer):
            yield f"{answer.told} for {name}=no-such-value with {len(rows(answer))} entries"


@rule("filter.both", "Two filters must both be met", when=lambda kind: bool(kind.state))
async def both(s: Subject) -> AsyncIterator[str]:
    """The id of one, and its state."""
    doc = await s.one()
    if not isinstance(doc.get(s.kind.state), str):
        raise Blocked(f"this {s.kind.name} has no {s.kind.state} to filter by besides its id")
    found = await s.client.ask("GET", s.url, query={"id": doc["id"], s.kind.state: doc[s.kind.state]})
    ids = [entry.get("id") for entry in rows(found)]
    if found.status == 200 and ids != [doc["id"]]:
        yield f"{found.told} for id={doc['id']} and {s.kind.state}={doc[s.kind.state]} with {len(ids)} entries"
