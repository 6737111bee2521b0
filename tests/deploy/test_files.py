"""The container file and the compose file: no root, nothing written where it should not be, commands that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from chart import DEPLOY
from typer.main import get_command

from oxl.cli.main import app
from oxl.settings import Settings

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
SETTINGS = {f"OXL_{name.upper()}" for name in Settings.__struct_fields__}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "oxl"}


def runs(words: list[str]) -> bool:
    """Whether the command exists, and has the options."""
    command = COMMANDS[words[0]]
    known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return all(word in known for word in words[1:])


def test_the_container_is_no_root_and_its_command_exists() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert last.index("USER") < last.index("ENTRYPOINT")
    (command,) = re.findall(r"^CMD (.+)$", last, re.MULTILINE)
    assert runs(json.loads(command))
    assert set(re.findall(r"\bOXL_\w+", text)) <= SETTINGS
    assert "--require-hashes" in text


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_has_a_read_only_root_and_a_command_that_exists(name: str) -> None:
    service: dict[str, Any] = OURS[name]
    assert service["read_only"]
    assert service["user"] == "10001:10001"
    assert service["cap_drop"] == ["ALL"]
    assert runs(service["command"])
    assert set(service["environment"]) <= SETTINGS


def test_the_server_waits_for_the_migration() -> None:
    for name in ("server", "worker"):
        assert OURS[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert COMPOSE["services"]["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert {each.partition(":")[0] for service in OURS.values() for each in service["volumes"]} <= set(
        COMPOSE["volumes"]
    )


def test_the_compose_file_of_kits_fits_the_other_one() -> None:
    kits = yaml.safe_load((DEPLOY / "kits.yaml").read_text("utf-8"))
    assert set(kits["services"]) - {"kit"} <= set(COMPOSE["services"])
    assert kits["services"]["kit"]["depends_on"].keys() <= set(COMPOSE["services"])
    assert runs(kits["services"]["migrate"]["command"][:1])
    assert set(kits["services"]["server"]["environment"]) <= SETTINGS
