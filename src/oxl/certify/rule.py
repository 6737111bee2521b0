"""What a rule of the suite is: a sentence, where it comes from, and a function that asks the server and yields faults.

A rule is about one resource (a `Subject`) or about one API as a whole. Where it has nothing to stand on, such as a list
without entries, it raises `Blocked`: that is told as not tested, never as passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple
from urllib.parse import quote

from oxl.certify.asking import Answer, Client
from oxl.certify.bodies import Ground
from oxl.certify.documents import Json, name_of
from oxl.certify.fitting import faults
from oxl.certify.listening import Listener
from oxl.certify.standard import FINAL, Kind, Standard, ended

DOCUMENT, GUIDE, KITS, SUMS = "document", "design rules", "kits", "arithmetic"
_PARTS = 20  # of a lull


class Blocked(Exception):  # noqa: N818 – nothing is in error: there is nothing to test on
    """What a rule needs is not there; the text says what."""


class Subject:
    """One resource of one server under test. `kind` is None for what concerns an API as a whole."""

    def __init__(
        self,
        client: Client,
        standard: Standard,
        kind: Kind | None,
        ground: Ground,
        listener: Listener,
        patience: float,
        grace: float,
    ) -> None:
        self.client, self.standard, self.ground, self.listener = client, standard, ground, listener
        self.patience = patience  # seconds that something may take to come
        self._grace = grace  # seconds in which what must not come would have come
        self._kind = kind
        self._page: Answer | None = None
        self._one: Json = {}

    @property
    def kind(self) -> Kind:
        """The resource."""
        if self._kind is None:
            raise RuntimeError("this rule is about an API, not about a resource")
        return self._kind

    @property
    def url(self) -> str:
        """The path of the collection."""
        return f"{self.standard.place.base}/{self.kind.name}"

    async def page(self) -> Answer:
        """The whole list as the server first gave it."""
        if self._page is None:
            self._page = await self.client.ask("GET", self.url)
        return self._page

    async def entries(self) -> list[Json]:
        """The entries of that list, at least one; what is no object among them is left to another rule."""
        answer = await self.page()
        if self.kind.form and not rows(answer):
            await self.post()
            self._page = None
            answer = await self.page()
        found = rows(answer)
        if not found:
            raise Blocked(f"{answer.told} and shows no {self.kind.name}")
        return found

    async def one(self) -> Json:
        """A document to look at, the same for all rules: one that was just made, else one of the list."""
        if not self._one:
            answer = await self.post() if self.kind.form else None
            if answer is None or answer.status not in (200, 201) or "id" not in answer.doc:
                listed = (await self.entries())[0]
                answer = await self.client.ask("GET", self.place(listed))
                self._one = answer.doc if answer.status == 200 and "id" in answer.doc else listed
            else:
                self._one = await self.after(answer.doc)
        return self._one

    async def after(self, doc: Json) -> Json:
        """A document when nothing more happens to it: a task when it has ended, or when patience has."""
        end = time.monotonic() + self.patience
        while self.kind.name in FINAL and self.kind.state and not ended(self.kind, doc) and time.monotonic() < end:
            await asyncio.sleep(0.1)
            doc = (await self.client.ask("GET", self.place(doc))).doc or doc
        return doc

    async def lull(self, took: float) -> None:
        """Give what must not come four times as long as what came took, at least a quarter of the grace.

        It is given in parts, so that what has come is heard before the time is over.
        """
        length = min(self._grace, max(4 * took, self._grace / 4))
        for _ in range(_PARTS):
            await asyncio.sleep(length / _PARTS)

    def place(self, doc: Json) -> str:
        """The path of a document; Blocked where it has no id."""
        if not isinstance(doc.get("id"), str):
            raise Blocked(f"a {self.kind.name} without an id cannot be asked for")
        return f"{self.url}/{quote(doc['id'], safe='')}"

    async def post(self, body: Json | None = None, slash: str = "") -> Answer:
        """The answer to a creation with what the document requires, or with this body.

        A server may bound how many tasks are open: there it is tried again until patience ends.
        """
        end = time.monotonic() + self.patience
        while True:
            sent = await self.ground.body(self.kind) if body is None else body
            answer = await self.client.ask("POST", f"{self.url}{slash}", sent)
            busy = answer.status in ((409, 429, 503) if self.kind.name in FINAL else (429, 503))
            if not busy or time.monotonic() > end:
                return answer
            await asyncio.sleep(0.3)

    async def made(self) -> Json:
        """A new one as its creation answered; Blocked where nothing could be made."""
        answer = await self.post()
        if answer.status not in (200, 201) or "id" not in answer.doc:
            raise Blocked(f"no {self.kind.name} could be made: {answer.told}")
        return answer.doc

    def fits(self, answer: Answer, schema: Json | None = None, partial: bool = False) -> list[str]:
        """Where the body of an answer does not fit the schema of the resource, or another."""
        wanted = schema or {"$ref": f"#/{self.kind.schema}"}
        return [f"{answer.told}: {each}" for each in faults(self.standard, wanted, answer.json, "$", partial)]


def rows(answer: Answer) -> list[Json]:
    """The entries of a list that are objects."""
    return [each for each in answer.json if isinstance(each, dict)] if isinstance(answer.json, list) else []


Ask = Callable[[Subject], AsyncIterator[str]]
When = Callable[[Kind], bool]


class Rule(NamedTuple):
    """One thing that is asked of a server."""

    name: str
    says: str
    source: str
    needs: tuple[str, ...]  # operations of the document without which it is not put
    ask: Ask
    when: When  # whether the document gives occasion to it
    about: str  # "resource" or "api"


RULES: list[Rule] = []


def rule(
    name: str,
    says: str,
    source: str = GUIDE,
    needs: str = "",
    only: str = "",
    when: When | None = None,
    about: str = "resource",
) -> Callable[[Ask], Ask]:
    """Register a rule. only: resources that it is about; when: whether a resource as documented gives occasion."""

    def register(ask: Ask) -> Ask:
        occasion = when or (lambda kind: not only or kind.name in only.split())
        RULES.append(Rule(name, says, source, tuple(needs.split()), ask, occasion, about))
        return ask

    return register


def error_faults(subject: Subject, answer: Answer) -> list[str]:
    """What is wrong with an answer as an error document, whatever its status."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return [f"{answer.told} as {answer.headers.get('content-type') or 'no type'}, not as application/json"]
    schema = {"$ref": "#/Error"}
    return [f"{answer.told}: {each}" for each in faults(subject.standard, schema, answer.json, "$")]


def expect(answer: Answer, *statuses: int) -> list[str]:
    """A fault unless an answer has one of the statuses."""
    wanted = " or ".join(map(str, statuses))
    return [] if answer.status in statuses else [f"{answer.told}, not {wanted}"]


def answered_by(standard: Standard, method: str, path: str, status: str) -> Json | None:
    """The schema of an answer in the document."""
    found = standard.contract.operations[method, path].responses.get(status)
    return {"$ref": f"#/{name_of(found['schema'])}"} if found and found["schema"] else None
