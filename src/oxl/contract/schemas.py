"""The schemas of a published contract, made from shapes: one for each form in which a shape is sent or answered.

A published parent becomes an allOf, the classes that @type may name become a discriminator, an attribute that the
official document does not have is marked x-extension.
"""

from __future__ import annotations

import inspect
import typing
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from oxl.kernel.shapes import Form, ancestors, bare, facts_of, kinds

FormName = Literal["", "create", "update", "answer"]
_SUFFIX = {4: {"create": "_Create", "update": "_Update"}, 5: {"create": "_FVO", "update": "_MVO", "answer": "_RES"}}
_PRIMITIVES: dict[Any, dict[str, str]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    Decimal: {"type": "number", "format": "float"},
    datetime: {"type": "string", "format": "date-time"},
    Any: {},
    dict: {"type": "object"},
}
_LIMITS = (("pattern", "pattern"), ("ge", "minimum"), ("le", "maximum"), ("min_length", "minItems"))
REF = "#/components/schemas/"


def ref(name: str) -> dict[str, Any]:
    """A reference to a schema of the document."""
    return {"$ref": f"{REF}{name}"}


class Schemas:
    """Collects the schemas of one document; asking for a reference puts the schema, and all it needs, into `found`."""

    def __init__(self, generation: int) -> None:
        self._suffixes = _SUFFIX[generation]
        self.found: dict[str, dict[str, Any]] = {}

    def of(self, shape: type, form: FormName = "") -> dict[str, Any]:
        """A reference to the shape in a form; where the form is no other than the shape itself, to the shape."""
        name, form = self._named(shape, form)
        if name not in self.found:
            self.found[name] = {}  # a shape may hold itself
            self.found[name] = self.schema(shape, form)
        return ref(name)

    def _named(self, shape: type, form: FormName) -> tuple[str, FormName]:
        if form not in self._suffixes or not getattr(facts_of(shape), form):
            form = ""
        return shape.__name__ + self._suffixes.get(form, ""), form

    def schema(self, shape: type, form: FormName = "") -> dict[str, Any]:
        """The schema itself, not yet part of the document."""
        facts = facts_of(shape)
        if facts.one_of:
            return {"oneOf": [self.of(each, form) for each in facts.one_of], **self._discriminator(shape, form)}
        about = {"description": (shape.__doc__ or "").partition("\n")[0]}
        if form == "answer":
            found = {"allOf": [self.of(shape)], "required": list(facts.answer)}
            return {"type": "object", **about, **found, **self._discriminator(shape, "")}
        parents = [base for base in ancestors(shape)[:1] if not facts.also] or [*facts.also]
        above = {field.encode_name for parent in parents for field in msgspec.structs.fields(parent)}
        own = [
            field
            for field in msgspec.structs.fields(shape)
            if field.encode_name not in above or _restated(shape, field)
        ]
        stated: Form = getattr(facts, form) if form else Form()
        named = [field.encode_name for field in own if field.required and field.encode_name not in facts.optional]
        required = list(stated.required) if form else [*named, *(n for n in facts.required if n not in named)]
        properties = {
            field.encode_name: self._attribute(field.type, form)
            for field in own
            if field.encode_name not in stated.without
        }
        found: dict[str, Any] = {"type": "object", **about}
        if parents:
            found["allOf"] = [self.of(parent, form) for parent in parents]
        if properties:
            found["properties"] = properties
        if required:
            found["required"] = required
        if asked := [name for name in facts.optional if name not in required]:
            found["x-required"] = asked
        return found | self._discriminator(shape, form)

    def _discriminator(self, shape: type, form: FormName) -> dict[str, Any]:
        chosen = kinds(shape)
        if not chosen or (not facts_of(shape).one_of and any(kinds(base) for base in ancestors(shape))):
            return {}
        for kind in chosen.values():
            self.of(kind, form)
        mapping = {name: f"{REF}{self._named(kind, form)[0]}" for name, kind in chosen.items()}
        return {"discriminator": {"propertyName": "@type", "mapping": mapping}}

    def _attribute(self, hint: Any, form: FormName) -> dict[str, Any]:
        kind, metas = bare(hint)
        title = next((meta.title for meta in metas if meta.title), None)
        if typing.get_origin(kind) is list:
            found: dict[str, Any] = {"type": "array", "items": self._attribute(typing.get_args(kind)[0], form)}
        elif typing.get_origin(kind) is dict:
            found = {"type": "object", "additionalProperties": self._attribute(typing.get_args(kind)[1], form)}
        elif typing.get_origin(kind) is Literal:
            found = {"type": "string", "enum": list(typing.get_args(kind))}
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found = self.of(kind, form)
        else:
            found = dict(_PRIMITIVES[kind])
        for meta in metas:
            found |= {name: value for own, name in _LIMITS if (value := getattr(meta, own)) is not None}
            found = dict(meta.extra_json_schema or found)
        if title:
            self.found.setdefault(title, found)
            found = ref(title)
        if any((meta.extra or {}).get("extension") for meta in metas):
            found = ({"allOf": [found]} if "$ref" in found else found) | {"x-extension": True}
        return found


def _restated(shape: type, field: Any) -> bool:
    """Whether the class itself names an attribute that its parent has, to say more of it."""
    return field.name in inspect.get_annotations(shape)
