"""What an event looks like to its listener, and what a query lets through: lines 100 to 102, 106 and 107."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.toy import NOTE, TOY

from oxl.kernel.events import Voice, envelope, events_of, wanted_of
from oxl.kernel.problem import Problem
from oxl.outbox.outbox import Event

AT = datetime(2026, 6, 15, 12, 0, 0, 250_000, tzinfo=UTC)
DOC = {
    "@type": "Note", "id": "7", "text": "Grüße, A & B", "state": "done", "n": 1.50, "isUrgent": True,
    "about": [{"id": "1", "role": "user"}, {"id": "2", "role": "payer"}],
}  # fmt: skip
HEAD_V4 = "eventId eventTime eventType correlationId domain title description priority timeOcurred event".split()
HEAD_V5 = (
    "@type @baseType id href eventId eventTime eventType correlationId domain title description priority timeOccurred"
    " reportingSystem event"
).split()


def voice(generation: int, number: str = "TMF000") -> Voice:
    """Who speaks for the toy, in a generation, as an official API or our own."""
    note = msgspec.structs.replace(NOTE, own_events=frozenset({"NoteFailureEvent"}))
    api = msgspec.structs.replace(TOY, generation=generation, number=number, resources=(note,))
    return Voice(api, "https://api.example", "https://api.example/events", events_of(api))


def event(kind: str = "NoteCreateEvent", changed: tuple[str, ...] = (), **doc: Any) -> Event:
    return Event("5", "e1", kind, "note", "7", AT, json.dumps(DOC | doc, ensure_ascii=False), changed)


def sent(generation: int, told: Event, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
    return json.loads(envelope(voice(generation), told, fields))


def test_106_the_envelope_of_version_4() -> None:
    body = sent(4, event())
    assert list(body) == HEAD_V4
    assert body["event"] == {"note": {"href": "https://api.example/toy/v1/note/7"} | DOC}
    assert (body["eventId"], body["eventType"]) == ("e1", "NoteCreateEvent")
    assert body["eventTime"] == body["timeOcurred"] == "2026-06-15T12:00:00.250Z"
    assert (body["domain"], body["title"]) == ("Toy", "Note create")
    assert all(isinstance(body[name], str) for name in HEAD_V4[:-1])


@pytest.mark.parametrize("kind", ["NoteAttributeValueChangeEvent", "NoteStateChangeEvent", "NoteDeleteEvent"])
def test_106_version_4_always_tells_the_whole_resource(kind: str) -> None:
    assert sent(4, event(kind, ("text",)))["event"]["note"] == {"href": "https://api.example/toy/v1/note/7"} | DOC


def test_106_the_envelope_of_version_5() -> None:
    body = sent(5, event())
    assert list(body) == HEAD_V5
    assert (body["@type"], body["@baseType"], body["id"]) == ("NoteCreateEvent", "Event", "e1")
    assert body["href"] == "https://api.example/events/e1"
    assert body["timeOccurred"] == "2026-06-15T12:00:00.250Z"
    assert "timeOcurred" not in body
    assert body["event"]["note"] == {"href": "https://api.example/toy/v1/note/7"} | DOC
    assert {"@type", "id"} <= set(body["reportingSystem"])


ALWAYS = {"@type": "Note", "id": "7", "href": "https://api.example/toy/v1/note/7"}


@pytest.mark.parametrize(
    ("kind", "changed", "doc", "told"),
    [
        ("NoteStateChangeEvent", ("state",), {}, {"state": "done"}),
        ("NoteStateChangeEvent", (), {}, {"state": "done"}),
        ("NoteDeleteEvent", (), {}, {}),
        ("NoteAttributeValueChangeEvent", ("text", "n"), {}, {"text": "Grüße, A & B", "n": 1.5}),
        ("NoteAttributeValueChangeEvent", ("size", "n"), {}, {"size": None, "n": 1.5}),
    ],
)
def test_106_version_5_tells_what_changed(kind: str, changed: tuple[str, ...], doc: dict, told: dict) -> None:
    assert sent(5, event(kind, changed, **doc))["event"]["note"] == ALWAYS | told


def test_106_a_status_stands_for_the_state_where_the_resource_has_one() -> None:
    told = Event("5", "e1", "NoteStateChangeEvent", "note", "7", AT, '{"id": "7", "@type": "Note", "status": "on"}')
    assert sent(5, told)["event"]["note"] == ALWAYS | {"status": "on"}


def test_a_vendor_event_is_marked_and_an_official_one_is_not() -> None:
    marked = {name: found.is_extension for name, found in events_of(voice(5).api).items()}
    assert marked == {"NoteCreateEvent": False, "NoteFailureEvent": True}
    assert all(found.is_extension for found in events_of(voice(5, "").api).values())
    for generation in (4, 5):
        assert "x-oxl-extension" not in sent(generation, event())
        assert sent(generation, event("NoteFailureEvent"))["x-oxl-extension"] is True
        assert sent(generation, event("NoteFoundEvent"))["x-oxl-extension"] is True


def test_numbers_and_texts_are_told_as_they_were_written() -> None:
    told = Event(
        "5", "e1", "NoteCreateEvent", "note", "7", AT, '{"id": "7", "n": 1.50, "text": "Gr\u00fc\u00dfe \\"x\\""}'
    )
    for fields in (None, ("n", "text")):
        assert '"n":1.50' in envelope(voice(5), told, fields).decode().replace(" ", "")
        assert "Grüße" in envelope(voice(5), told, fields).decode()


def holds(query: str, told: Event | None = None) -> bool:
    return wanted_of(query).holds(voice(5), told or event())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True), ("  ", True), ("?", True), ("&", True),
        ("eventType=NoteCreateEvent", True), ("?eventType=NoteCreateEvent", True), ("eventType=noteCreateEvent", True),
        ("event.eventType=NoteCreateEvent", True), ('eventType="NoteCreateEvent"', True),
        ("eventType=NoteDeleteEvent", False), ("eventType=NoteDeleteEvent,NoteCreateEvent", True),
        ("eventType=NoteDeleteEvent&eventType=NoteCreateEvent", True), ("eventType=A,B&eventType=C", False),
        ("eventType=NoteDeleteEvent%2CNoteCreateEvent", True), ("eventType = NoteCreateEvent", True),
        ("eventType=NoteCreationNotification", True), ("eventType=NoteRemoveNotification", False),
        ("event.note.state=done", True), ("note.state=done", True), ("event.note.state=new", False),
        ("eventType = NoteCreateEvent & event.note.state=done", True),
        ("eventType = NoteCreateEvent & event.note.state = new", False),
        ("eventType=NoteDeleteEvent&event.note.state=done", False),
        ("note.about.id=2", True), ("note.about.id=3", False), ("note.about.id=3,2", True),
        ("note.about.id=2&note.about.role=user", True), ("note.isUrgent=true", True), ("note.isUrgent=false", False),
        ("note.n=1.5", True), ("note.text=Grüße, A %26 B", True), ("note.nothing=1", False),
        ("thing.state=done", False),
        ("domain=Toy", True), ("eventId=e1", True), ("eventId=e2", False), ("fields=event.note.id", True),
    ],
)  # fmt: skip
def test_100_101_a_query_lets_through_what_it_names(query: str, found: bool) -> None:
    assert holds(query) is found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("fields=event.note.text", {"text"}), ("fields=note.text,note.n", {"text", "n"}), ("fields=text", {"text"}),
        ("fields=event.note.id", set()), ("fields=event.note.about.id", {"about"}), ("fields=nothing", set()),
        ("eventType=NoteCreateEvent&fields=event.note.state", {"state"}),
        ("fields=event.note.text&fields=n", {"text", "n"}),
    ],
)  # fmt: skip
def test_102_fields_trim_what_is_told(query: str, told: set[str]) -> None:
    wanted = wanted_of(query)
    for generation in (4, 5):
        body = sent(generation, event(), wanted.fields)
        assert set(body["event"]["note"]) == told | {"id", "href", "@type"}
        assert list(body) == (HEAD_V4 if generation == 4 else HEAD_V5)


def test_102_fields_of_a_change_are_those_of_both() -> None:
    told = event("NoteAttributeValueChangeEvent", ("text", "n"))
    assert sent(5, told, ("n", "state"))["event"]["note"] == ALWAYS | {"n": 1.5}


@pytest.mark.parametrize("query", ["eventType", "a=b&c", "=x&y", "a=%00", "limit=1", "offset=2", "sort=a", "x" * 5000,
                                   f"a={'1' * 3000}"])  # fmt: skip
def test_102_what_cannot_be_read_is_a_400(query: str) -> None:
    with pytest.raises(Problem) as refused:
        wanted_of(query)
    assert (refused.value.status, refused.value.code) == (400, "invalidQuery")
    assert str(refused.value).startswith("query: ")


@given(st.text(max_size=60) | st.text(alphabet="eventTypNo.=&, %?fields", max_size=60))
def test_no_query_makes_the_door_fail_otherwise_than_by_a_400(query: str) -> None:
    try:
        wanted = wanted_of(query)
    except Problem as problem:
        status = problem.status
    else:
        status = 400
        assert wanted.holds(voice(5), event()) in (True, False)
        json.loads(envelope(voice(5), event(), wanted.fields))
    assert status == 400
