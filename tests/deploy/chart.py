"""What a cluster gets of the chart, and what the ODA Canvas asks of a Component, as facts of its definition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from helm_python.chart import Chart

from oxl.identity.rules import check_settings
from oxl.outbox.callbacks import guard_of
from oxl.settings import Settings, read_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "oxl"
SETTINGS = {f"OXL_{name.upper()}" for name in Settings.__struct_fields__}
DATABASE = {"url": "postgresql://oxl:secret@database.example:5432/oxl"}
_TEXT, _FLAG, _NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
_PATH = {"type": "string", "pattern": "^/[a-z0-9-]+/"}


def rendered(release: str = "alpha", **values: Any) -> list[dict[str, Any]]:
    """The objects of the chart for a release, with values over the chart's own."""
    found = Chart.load(FOLDER).render({"database": DATABASE} | values, name=release, namespace="components")
    texts = [text for path, text in sorted(found.items()) if path.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def starts(environment: Mapping[str, str]) -> None:
    """Whether a server of the image would start with these variables; ValueError where it would refuse to."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    given = dict(re.findall(r"\b(OXL_\w+)=(\S+)", text)) | dict(environment)
    settings = read_settings(**{name.removeprefix("OXL_").lower(): each for name, each in given.items() if each})
    check_settings(settings, guard_of(settings.callback_allow, settings.host, settings.port).dev)


def the(objects: list[dict[str, Any]], kind: str, name: str = "") -> dict[str, Any]:
    """The one object of a kind, or the one whose name ends so."""
    (found,) = [each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(name)]
    return found


def _object(must: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(must), "properties": properties, "additionalProperties": False}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


_PERSON = _object(("name",), name=_TEXT, email=_TEXT)
_ROLE = _object(("name",), name=_TEXT, description=_TEXT)
_ABOUT = {
    "id": {"type": "string", "pattern": "^TMFC[0-9]{3}$"}, "name": {"type": "string", "pattern": "^[a-z0-9-]+$"},
    "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}, "status": {"enum": ["specified"]},
    "functionalBlock": {"enum": ["CoreCommerce", "Production", "PartyManagement", "IntelligenceManagement"]},
    "publicationDate": _TEXT, "description": _TEXT, "maintainers": _list(_PERSON), "owners": _list(_PERSON),
}  # fmt: skip
_MUST = ("id", "name", "version", "publicationDate", "maintainers", "owners", "description")
_PLACE = {"url": _TEXT, "version": _TEXT, "apiType": {"enum": ["openapi", "mcp"]}, "implementation": _TEXT,
          "path": _PATH, "developerUI": _PATH, "port": _NUMBER}  # fmt: skip
_API = {"name": _TEXT, "id": _TEXT, "apiType": {"enum": ["openapi", "prometheus", "openmetrics", "mcp"]},
        "implementation": _TEXT, "path": _PATH, "developerUI": _PATH, "port": _NUMBER, "required": _FLAG}  # fmt: skip
_SPECIFIED = _object(("url",), **_PLACE)
_EVENT = _object(
    ("name", "implementation", "hub"), name=_TEXT, id=_TEXT, apiType=_TEXT, implementation=_TEXT, hub=_PATH,
    port=_NUMBER, developerUI=_PATH, specification=_list(_object(("url",), url=_TEXT)),
)  # fmt: skip
_EVENTS = _object(("publishedEvents", "subscribedEvents"), publishedEvents=_list(_EVENT), subscribedEvents=_list({}))


def _spec(about: dict[str, Any], api: dict[str, Any], metrics: dict[str, Any], security: dict[str, Any]) -> Any:
    halls = {
        "coreFunction": _object(("exposedAPIs", "dependentAPIs"), exposedAPIs=_list(api), dependentAPIs=_list({})),
        "eventNotification": _EVENTS,
        "managementFunction": _object((), exposedAPIs=_list(metrics), dependentAPIs=_list({})),
        "securityFunction": security,
    }
    return _object((*about, *halls), **about, **halls)


SPEC = {  # by version of the resource definition
    "v1": _spec(
        {"componentMetadata": _object(_MUST, **_ABOUT)},
        _object(("name", "specification"), **_API, specification=_list(_SPECIFIED)),
        _object(("name", "apiType", "implementation", "path", "port"), **_API),
        _object(("canvasSystemRole",), canvasSystemRole=_TEXT, componentRole=_list(_ROLE), exposedAPIs=_list({})),
    ),
    "v1beta3": _spec(
        _ABOUT,
        _object(("name", "apiType", "implementation", "path", "port"), **_API, specification=_list(_TEXT)),
        _object(("name", "apiType", "implementation", "path", "port"), **_API, specification=_list(_TEXT)),
        _object(("controllerRole", "exposedAPIs"), controllerRole=_TEXT, exposedAPIs=_list({})),
    ),
}
