"""The kinds of PATCH body, as pure functions: `read` holds one against its format, `apply` makes the new document.

application/json and merge-patch+json merge (RFC 7396). json-patch+json is a list of steps with JSON Pointers
(RFC 6902). In json-patch-query+json a step may select any number of places, by JSONPath or by a pointer with a query.
A patch is applied wholly or not at all; the document that was given is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from oxl.query.places import Path, Place, parse_path, places
from oxl.verbs import Refusal, Refused, invalid

FORMATS = {
    "application/json": "merge",
    "application/merge-patch+json": "merge",
    "application/json-patch+json": "pointer",
    "application/json-patch-query+json": "query",
}
MAX_STEPS = 100
MAX_NODES = (
    200_000  # values that one patch may search and copy: a copy in every step could double the document each time
)
MAX_DEPTH = 64
_OPS = {"add": "value", "replace": "value", "test": "value", "remove": "", "move": "from", "copy": "from"}


class Step(NamedTuple):
    """One operation: where it applies, and the value or the other place that it takes."""

    op: str
    path: Path
    value: Any = None
    source: Path | None = None


class Patch(NamedTuple):
    """A patch that was read: an object to merge, or steps to take one after another."""

    merge: dict[str, Any] | None = None
    steps: tuple[Step, ...] = ()


def read(form: str, body: Any) -> Patch:
    """A parsed body of a format as a patch; Refusal (invalid) says what is wrong with it."""
    if form == "merge":
        if not isinstance(body, dict):
            raise invalid("body", "must be one JSON object", "invalidPatch")
        return Patch(merge=body)
    if form == "query" and isinstance(body, dict):
        body = [body]
    if not isinstance(body, list) or len(body) > MAX_STEPS:
        raise invalid("body", f"must be an array of at most {MAX_STEPS} operations", "invalidPatch")
    return Patch(steps=tuple(_step(f"[{n}]", form, each) for n, each in enumerate(body)))


def _step(at: str, form: str, step: Any) -> Step:
    if not isinstance(step, dict):
        raise invalid(at, "must be one operation, an object", "invalidPatch")
    op = step.get("op")
    if not isinstance(op, str) or op not in _OPS:
        raise invalid(f"{at}.op", f"must be one of {', '.join(_OPS)}", "invalidPatch")
    needs = _OPS[op]
    if needs and needs not in step:
        raise invalid(f"{at}.{needs}", f"is required for {op}", "invalidPatch")
    path = parse_path(f"{at}.path", step.get("path"), form == "query")
    if needs != "from":
        return Step(op, path, step.get("value"))
    source = parse_path(f"{at}.from", step["from"], form == "query")
    if op == "move" and path.kind == source.kind == "pointer" and _below(path.names, source.names):
        raise invalid(f"{at}.path", "lies inside what is moved", "invalidPatch")
    return Step(op, path, source=source)


def apply(patch: Patch, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the patch applied; Refusal (conflict) when a step has no place to go or a test fails."""
    if patch.merge is not None:
        return merged(document, patch.merge)
    copies = _Copies()
    root: list[Any] = [copies.of(document)]
    for n, step in enumerate(patch.steps):
        _take(root, step, f"[{n}]", copies)
    if not isinstance(root[0], dict):
        raise invalid("body", "would leave something other than one JSON object", "invalidPatch")
    return root[0]


def merged(target: Any, change: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396: members replace, objects merge, null takes away."""
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value) if isinstance(value, dict) else value
    return result


def same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: numbers by value, and neither true nor false is a number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


class _Copies:
    """Copies values and counts them, so that a short patch cannot make a huge document nor search one for ever."""

    def __init__(self) -> None:
        self._left = MAX_NODES

    def of(self, value: Any, floats: bool = False, depth: int = 1) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise invalid("body", "makes too large a document", "invalidPatch")
        if isinstance(value, dict):
            return {name: self.of(member, floats, depth + 1) for name, member in value.items()}
        if isinstance(value, list):
            return [self.of(member, floats, depth + 1) for member in value]
        return float(value) if floats and isinstance(value, Decimal) else value


def _below(place: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _found(root: list[Any], path: Path, at: str, copies: _Copies, adding: bool = False) -> Sequence[Place]:
    """The places that a path means, the last in the document first, so that taking one away moves no other."""
    searched = root if path.kind == "pointer" else copies.of(root, floats=True, depth=0)  # the library compares floats
    found = places(searched, path, at, adding)
    if not found:
        raise _conflict(f"{at}: nothing is at {path.text[:100]!r}")
    return sorted(found, reverse=True)


def _conflict(message: str) -> Refusal:
    return Refusal(Refused("conflict", "patchConflict", message))


def _parent(root: list[Any], place: Place) -> Any:
    value: Any = root
    for name in place[:-1]:
        value = value[name]
    return value


def _take(root: list[Any], step: Step, at: str, copies: _Copies) -> None:
    """Take one step."""
    if step.op == "add":
        _put(root, step.path, step.value, at, copies)
    elif step.source is not None:
        _bring(root, step, step.source, at, copies)
    else:
        for place in _found(root, step.path, f"{at}.path", copies):
            parent, name = _parent(root, place), place[-1]
            if step.op == "remove":
                _drop(parent, name, place)
            elif step.op == "replace":
                parent[name] = copies.of(step.value)
            elif not same(parent[name], step.value):
                raise _conflict(f"{at}: the test of {step.path.text[:100]!r} failed")


def _bring(root: list[Any], step: Step, source: Path, at: str, copies: _Copies) -> None:
    """Move or copy from the one place that `from` means."""
    place, *others = _found(root, source, f"{at}.from", copies)
    if others:
        raise _conflict(f"{at}.from: {len(others) + 1} places are at {source.text[:100]!r}, where one must be")
    parent, name = _parent(root, place), place[-1]
    value = parent[name]
    if step.op == "move":
        if step.path.text == source.text:
            return
        if step.path.kind != "pointer" and any(
            _below(target, place) for target in _found(root, step.path, f"{at}.path", copies, adding=True)
        ):
            raise _conflict(f"{at}.path: lies inside what is moved")
        _drop(parent, name, place)
    _put(root, step.path, value, at, copies)


def _drop(parent: Any, name: str | int, place: Place) -> None:
    if len(place) == 1:
        raise invalid("body", "takes the document itself away", "invalidPatch")
    del parent[name]


def _put(root: list[Any], path: Path, value: Any, at: str, copies: _Copies) -> None:
    """A pointer names where the value will be; a selection names what it is added to, or what is not there yet."""
    for place in _found(root, path, f"{at}.path", copies, adding=True):
        parent, name, fresh = _parent(root, place), place[-1], copies.of(value)
        if path.kind == "pointer":
            if len(place) > 1 and isinstance(parent, list):
                parent.insert(name, fresh)
            else:
                parent[name] = fresh
            continue
        held = parent[name] if isinstance(parent, list) else parent.get(name)
        if isinstance(held, list):
            held.append(fresh)
        elif isinstance(held, dict) and isinstance(fresh, dict):
            held.update(fresh)
        else:
            parent[name] = fresh
