"""The client's view of declared APIs, as Python: a TypedDict for each shape, a Kind for each resource.

What is generated is kept in `oxl/client/apis`, so that the client imports nothing of the server; a test holds it
against the declarations. A shape goes into the module of its API, or of what several of them share.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Any, Literal

import msgspec

from oxl.kernel.declare import Api
from oxl.kernel.shapes import bare, facts_of, kinds

_PLAIN = {str: "str", int: "int", bool: "bool", Decimal: "Decimal", datetime: "str", Any: "Any"}
_HEAD = '''"""{about}

Generated of the declarations; `python -m tests.reference` makes it anew.
"""

from __future__ import annotations

'''


def snake(name: str) -> str:
    """A name of the standard's as Python has names: topupBalance → topup_balance."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def modules(apis: Sequence[Api]) -> dict[str, str]:
    """The modules of the client's `apis` by name."""
    found: dict[type, None] = {}
    for api in apis:
        for resource in api.resources:
            _gather(resource.shape, found)
    owners: dict[str, list[type]] = {}
    for shape in found:
        owners.setdefault(module_of(shape), []).append(shape)
    by_name = {api.name: api for api in apis}
    return {name: _module(name, shapes, by_name.get(name)) for name, shapes in owners.items()}


def module_of(shape: type) -> str:
    """The client's module of a shape: that of its API, or of the standard's shared ones."""
    return shape.__module__.split(".")[2]


def _gather(shape: type, found: dict[type, None]) -> None:
    if shape in found:
        return
    found[shape] = None
    for inner in _inside(shape):
        _gather(inner, found)


def _inside(shape: type) -> Iterator[type]:
    for hint in chain.from_iterable(_hints(shape).values()):
        yield from _structs(hint)


def _hints(shape: type) -> dict[str, list[Any]]:
    """The attributes of a shape, and of the classes that an object of it may be, each with what it may hold."""
    found: dict[str, list[Any]] = {}
    for kind in (shape, *kinds(shape).values()):
        for field in msgspec.structs.fields(kind):
            held = found.setdefault(field.encode_name, [])
            if kind is shape or field.encode_name not in _own(shape):
                held.append(field.type)
    return found


def _own(shape: type) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(shape)}


def _structs(hint: Any) -> Iterator[type]:
    kind, _ = bare(hint)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    elif typing.get_origin(kind) in (list, dict):
        yield from chain.from_iterable(_structs(each) for each in typing.get_args(kind))


def _module(name: str, shapes: Sequence[type], api: Api | None) -> str:
    about = f"{api.number} {api.title} {api.version}".strip() if api else "What documents of several APIs share"
    lines = [_HEAD.format(about=f"{about}: what the client knows of it.")]
    lines += _imports(name, shapes, api)
    if api:
        lines.append(f'BASE = "{api.base}"\n\n')
    resources = {resource.shape for resource in api.resources} if api else set()
    ordered = sorted(shapes, key=lambda shape: shape.__name__)
    lines += [_dictionary(shape, shape in resources) for shape in ordered]
    for resource in api.resources if api else ():
        shape = resource.shape.__name__
        lines.append(f'\n{snake(resource.name)}: Kind[{shape}] = Kind(BASE, "{resource.name}")')
    return "".join(lines).rstrip("\n") + "\n"


def _imports(name: str, shapes: Sequence[type], api: Api | None) -> list[str]:
    """The imports of a module: what its texts name, and the shapes of others that it holds."""
    texts = [_either(hints) for shape in shapes for attribute, hints in _hints(shape).items() if attribute[0] != "@"]
    words = set(chain.from_iterable(re.findall(r"\w+", text) for text in texts))
    found = ["from decimal import Decimal\n"] if "Decimal" in words else []
    known = ["Required", *(word for word in ("Any", "Literal") if word in words)]
    found.append(f"from typing import {', '.join(sorted(known))}\n\n")
    marks = sorted({_marks(shape) for shape in shapes})
    if "TypedDict" in marks:
        marks.remove("TypedDict")
        found[-1] = f"from typing import {', '.join([*sorted(known), 'TypedDict'])}\n\n"
    found += [f"from oxl.client.apis import {', '.join(marks)}\n"] if marks else []
    others: dict[str, set[str]] = {}
    for shape in chain.from_iterable(_inside(each) for each in shapes):
        if module_of(shape) != name:
            others.setdefault(module_of(shape), set()).add(shape.__name__)
    found += [
        f"from oxl.client.apis.{other} import {', '.join(sorted(taken))}\n" for other, taken in sorted(others.items())
    ]
    return [*found, *(["from oxl.client.operations import Kind\n"] if api else []), "\n"]


def _marks(shape: type) -> str:
    """The class that holds the attributes whose names are none of Python's."""
    names = _hints(shape)
    return "Referring" if "@referredType" in names else "Typed" if "@type" in names else "TypedDict"


def _dictionary(shape: type, is_resource: bool) -> str:
    """A TypedDict of a shape; of a resource, identity is always there."""
    always = {
        field.encode_name
        for field in msgspec.structs.fields(shape)
        if field.required and field.encode_name not in facts_of(shape).optional
    } | ({"id", "href"} if is_resource else set())
    lines = [
        f"\n\nclass {shape.__name__}({_marks(shape)}, total=False):\n",
        f'    """{(shape.__doc__ or "").partition(chr(10))[0]}"""\n\n',
    ]
    for name, hints in _hints(shape).items():
        if not name.startswith("@"):
            hint = _either(hints)
            lines.append(f"    {name}: {f'Required[{hint}]' if name in always else hint}\n")
    return "".join(lines)


def _either(hints: Sequence[Any]) -> str:
    """What an attribute may be, in one hint."""
    texts = list(dict.fromkeys(_python(hint) for hint in hints))
    return "Any" if "Any" in texts else " | ".join(texts)


def _python(hint: Any) -> str:
    """An attribute's kind as it is in a document: instants are text there."""
    kind, _ = bare(hint)
    origin, within = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return f"list[{_python(within[0])}]"
    if origin is dict or kind is dict:
        return f"dict[str, {_python(within[1]) if within else 'Any'}]"
    if origin is Literal:
        return f"Literal[{', '.join(repr(each) for each in within)}]"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind.__name__
    return _PLAIN[kind]
