"""The standard that every command keeps: examples that are right, --json, exit codes, errors that say what to do."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

import pytest

from oxl.cli import telling
from oxl.cli.dressing import commands, dressed
from oxl.cli.examples import EXAMPLES
from oxl.cli.main import app, main

GROUP = dressed(app)
COMMANDS = dict(commands(GROUP))
every = pytest.mark.parametrize("words", COMMANDS)


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told by a test, the next one begins with people."""
    monkeypatch.setattr(telling._told, "facts", None)
    monkeypatch.setattr(telling.out, "_file", None)
    monkeypatch.setattr(telling.err, "quiet", False)


def left(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `oxl` with these words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["oxl", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    told = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else int(code is not None)), told.out, told.err


@every
def test_a_command_says_what_it_is_for_with_examples(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = left([*words.split(), "--help"], capsys)
    assert code == 0
    assert "--json" in out
    assert "Examples" in out
    flat = " ".join(out.split())
    for line in EXAMPLES[words]:
        assert " ".join(line.split()[:3]) in flat
    assert COMMANDS[words].help


def test_no_example_is_of_a_command_that_is_not_there() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_a_command_that_is_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = shlex.split(line.partition(" > ")[0])
    assert said[0] == "oxl"
    words = next(
        name for name in sorted(COMMANDS, key=len, reverse=True) if said[1 : 1 + len(name.split())] == name.split()
    )
    assert line in EXAMPLES[words]
    context = COMMANDS[words].make_context(words, said[1 + len(words.split()) :])
    assert set(context.params) == {param.name for param in COMMANDS[words].params if param.name != "help"}


@every
def test_an_option_that_is_not_there_is_exit_code_2_and_leads_to_help(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = left([*words.split(), "--no-such-option"], capsys)
    assert code == 2
    assert not out
    assert "--no-such-option" in err
    assert "--help" in err


def test_a_command_that_is_nearly_right_is_told_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = left(["bill", "lst"], capsys)
    assert code == 2
    assert "list" in err


def test_exit_codes_are_those_that_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(telling.EXITS) == {0, 1, 2, 130}
    assert left(["--help"], capsys)[0] == 0


def test_an_error_says_what_to_do_next(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    code, out, err = left(["catalog", "check", str(tmp_path)], capsys)
    assert (code, out) == (1, "")
    assert "oxl:" in err
    assert "→ mend the file" in err
    code, out, err = left(["catalog", "check", str(tmp_path), "--json"], capsys)
    assert (code, out) == (1, "")
    told = json.loads(err)
    assert told["next"].startswith("mend the file")
    assert "no such file" in told["error"]


def test_a_server_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr("oxl.client.blocking.time.sleep", lambda _: None)
    code, _, err = left(["watch", "1", "--url", "http://127.0.0.1:1", "--once"], capsys)
    assert code == 1
    assert "oxl serve" in err


def test_what_a_command_says_otherwise_is_a_message_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    telling.to_programs()
    telling.out.print("[bold]done[/]")
    telling.say("ten", count=10)
    telling.table("rows", {"n": "number", "at": "at"}, [(1, telling.Cell(None, "never"))])
    telling.finish()
    assert json.loads(capsys.readouterr().out) == {"count": 10, "rows": [{"n": 1, "at": None}], "message": ["done"]}


def test_people_are_shown_tables_with_words_and_no_markup_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    telling.table("rows", {"n": "number", "at": "name"}, [(1234567, "[red]x[/]"), (None, telling.Cell(0, "none"))])
    shown = capsys.readouterr().out
    for text in ("number", "1,234,567", "[red]x[/]", "none"):
        assert text in shown
