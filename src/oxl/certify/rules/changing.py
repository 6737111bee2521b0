"""What is asked of PATCH and DELETE: that they do what they say, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from oxl.certify.asking import Answer
from oxl.certify.documents import Json
from oxl.certify.rule import DOCUMENT, GUIDE, KITS, Blocked, Subject, expect, rule
from oxl.certify.rules.reading import UNKNOWN
from oxl.certify.standard import Kind

_MERGE = "application/merge-patch+json"
_OWN = ("lastUpdate", "href")  # what a change may touch besides


async def _before(s: Subject) -> tuple[Json, Json]:
    """A document and a body that changes it."""
    if s.kind.form:
        doc = await s.made()
    else:
        rows = await s.entries()
        doc = next((row for row in rows if s.ground.change(s.kind, row)), rows[0])
    body = s.ground.change(s.kind, doc)
    if not [name for name in body if not name.startswith("@") and body[name] != doc.get(name)]:
        raise Blocked(f"nothing of this {s.kind.name} may be changed by the document")
    return doc, body


async def _changed(s: Subject, doc: Json, body: Json, **more: Any) -> Answer:
    return await s.client.ask("PATCH", s.place(doc), body, **more)


@rule("patch.status", "A change is 200 with the whole resource", DOCUMENT, "patch")
async def status(s: Subject) -> AsyncIterator[str]:
    """A merge patch of one attribute, as application/json."""
    doc, body = await _before(s)
    answer = await _changed(s, doc, body)
    for fault in expect(answer, 200):
        yield f"{fault}: {answer.text[:200]}"
    if answer.status == 200 and (missing := [name for name in s.kind.mandatory if name not in answer.doc]):
        yield f"{answer.told} without {', '.join(missing)}"


@rule("patch.schema", "What was changed fits the schema", DOCUMENT, "patch")
async def schema(s: Subject) -> AsyncIterator[str]:
    """The answer to the PATCH."""
    answer = await _changed(s, *await _before(s))
    for fault in s.fits(answer) if answer.status == 200 else ():
        yield fault


@rule("patch.kept", "A change is there when it is read again", GUIDE, "patch retrieve")
async def kept(s: Subject) -> AsyncIterator[str]:
    """GET after the PATCH."""
    doc, body = await _before(s)
    answer = await _changed(s, doc, body)
    if answer.status != 200:
        raise Blocked(f"nothing could be changed: {answer.told}")
    read = await s.client.ask("GET", s.place(doc))
    for name, value in body.items():
        if not name.startswith("@") and not isinstance(value, (dict, list)) and read.doc.get(name) != value:
            yield f"{read.told} with {name} {read.doc.get(name)!r}, which was changed to {value!r}"


@rule("patch.others", "A change leaves all else as it was", GUIDE, "patch retrieve")
async def others(s: Subject) -> AsyncIterator[str]:
    """Every attribute that was not in the patch."""
    doc, body = await _before(s)
    answer = await _changed(s, doc, body)
    if answer.status != 200:
        raise Blocked(f"nothing could be changed: {answer.told}")
    read = await s.client.ask("GET", s.place(doc))
    touched = {*body, *_OWN, s.kind.state}
    differ = sorted(name for name in doc if name not in touched and read.doc.get(name) != doc[name])
    if read.status == 200 and differ:
        yield f"{read.told} with another {', '.join(differ)}, which were not in the patch"


@rule("patch.identity", "No change gives a resource another id", GUIDE, "patch retrieve")
async def identity(s: Subject) -> AsyncIterator[str]:
    """A patch of the id: refused, or without effect."""
    doc, body = await _before(s)
    answer = await _changed(s, doc, body | {"id": "another-id"})
    for fault in expect(answer, 200, 400, 409, 422):
        yield f"{fault}, for another id"
    if answer.status == 200 and answer.doc.get("id") != doc["id"]:
        yield f"{answer.told} with the id {answer.doc.get('id')} for {doc['id']}"


def _takes_merge(kind: Kind) -> bool:
    declared = kind.standard.contract.operations.get(("PATCH", f"/{kind.name}/{{id}}"))
    return declared is not None and _MERGE in declared.bodies


@rule("patch.media", "application/merge-patch+json is a merge patch", DOCUMENT, "patch", when=_takes_merge)
async def media(s: Subject) -> AsyncIterator[str]:
    """Where the document takes it."""
    answer = await _changed(s, *await _before(s), headers={"content-type": _MERGE})
    for fault in expect(answer, 200):
        yield fault


@rule("patch.unknown", "A change of what is not there is a 404", DOCUMENT, "patch")
async def unknown(s: Subject) -> AsyncIterator[str]:
    """PATCH of an id that nothing has, with a body that would do."""
    _, body = await _before(s)
    for fault in expect(await s.client.ask("PATCH", f"{s.url}/{UNKNOWN}", body), 404):
        yield fault


@rule("patch.garbage", "A patch that is no JSON is a 400", DOCUMENT, "patch")
async def garbage(s: Subject) -> AsyncIterator[str]:
    """A part of an object."""
    doc, _ = await _before(s)
    for fault in expect(await s.client.ask("PATCH", s.place(doc), content=b'{"a": '), 400):
        yield fault


@rule("delete.status", "A removal is 204 without a body, or 202 where the document has it", DOCUMENT, "delete")
async def removed(s: Subject) -> AsyncIterator[str]:
    """DELETE of one that was just made."""
    answer = await s.client.ask("DELETE", s.place(await s.made()))
    for fault in expect(answer, 204, *((202,) if s.standard.v5 else ())):
        yield fault
    if answer.status == 204 and answer.text:
        yield f"{answer.told} with a body"


@rule("delete.gone", "What was removed is a 404", KITS, "delete retrieve")
async def gone(s: Subject) -> AsyncIterator[str]:
    """GET after the DELETE."""
    place = s.place(await s.made())
    answer = await s.client.ask("DELETE", place)
    if answer.status not in (200, 202, 204):
        raise Blocked(f"nothing could be removed: {answer.told}")
    for fault in expect(await s.client.ask("GET", place), 404):
        yield f"{fault}, after it was removed"


@rule("delete.again", "A second removal is a 404", DOCUMENT, "delete")
async def again(s: Subject) -> AsyncIterator[str]:
    """DELETE twice."""
    place = s.place(await s.made())
    answer = await s.client.ask("DELETE", place)
    if answer.status not in (200, 202, 204):
        raise Blocked(f"nothing could be removed: {answer.told}")
    for fault in expect(await s.client.ask("DELETE", place), 404):
        yield f"{fault}, for the second time"


@rule("delete.unknown", "A removal of what is not there is a 404", DOCUMENT, "delete")
async def nobody(s: Subject) -> AsyncIterator[str]:
    """DELETE of an id that nothing has."""
    for fault in expect(await s.client.ask("DELETE", f"{s.url}/{UNKNOWN}"), 404):
        yield fault


@rule("delete.others", "A removal leaves the others", GUIDE, "delete retrieve")
async def neighbours(s: Subject) -> AsyncIterator[str]:
    """Of two that were made, the other one is still there."""
    stays, goes = await s.made(), await s.made()
    await s.client.ask("DELETE", s.place(goes))
    for fault in expect(await s.client.ask("GET", s.place(stays)), 200):
        yield f"{fault}, after another was removed"
