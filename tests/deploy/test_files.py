"""The container file and the compose file: no root, nothing written where it should not be, commands that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from chart import DEPLOY, SETTINGS, starts
from typer.main import get_command

from oxl.cli.main import app

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
KITS = yaml.safe_load((DEPLOY / "kits.yaml").read_text("utf-8"))
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


def environment(*parts: dict[str, Any]) -> dict[str, str]:
    """The variables of a service whose parts are laid over each other, with the defaults of what the reader may set."""
    merged = {name: value for part in parts for name, value in part["environment"].items() if name.startswith("OXL_")}
    return {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in merged.items()}


def test_a_server_starts_with_what_the_compose_files_set() -> None:
    for name in OURS:
        starts(environment(OURS[name]))
    starts(environment(OURS["server"], KITS["services"]["server"]))
    with pytest.raises(ValueError, match="dev lets everybody in"):
        starts(environment(OURS["server"]) | {"OXL_AUTH": "dev"})


def test_the_compose_file_of_kits_fits_the_other_one() -> None:
    kits = KITS["services"]
    assert set(kits) - {"kit"} <= set(COMPOSE["services"])
    assert kits["kit"]["depends_on"].keys() <= set(COMPOSE["services"])
    assert COMPOSE["services"]["server"]["healthcheck"], "which the kit waits for"
    assert kits["kit"]["network_mode"] == "service:server", "where loopback is the server's"
    assert runs(kits["migrate"]["command"][:1])
    assert runs(kits["server"]["command"])
    assert set(kits["server"]["environment"]) <= SETTINGS
