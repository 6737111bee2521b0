"""Settings from options, environment and file: which counts, and what is refused by which name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oxl.cli.config import without_password
from oxl.settings import Settings, read_settings, settings_with_places


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a file, and an environment that says nothing."""
    for name in [name for name in os.environ if name.startswith("OXL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_said_is_the_default() -> None:
    assert read_settings() == Settings()


def test_an_option_counts_before_the_environment_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "oxl.toml").write_text('port = 1000\nworkers = 2\nhost = "a.example"\nmetrics_open = true\n')
    monkeypatch.setenv("OXL_WORKERS", "3")
    monkeypatch.setenv("OXL_HOST", "b.example")
    found, places = settings_with_places(host="c.example", port=None)
    assert (found.port, found.workers, found.host, found.metrics_open) == (1000, 3, "c.example", True)
    assert places == {
        "port": "port in oxl.toml",
        "workers": "OXL_WORKERS",
        "host": "--host",
        "metrics_open": "metrics_open in oxl.toml",
    }


def test_a_file_may_be_named_and_may_hold_lists(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.toml").write_text(
        'issuers = ["https://a.example", "https://b.example/=beta"]\npartial_status = 200'
    )
    monkeypatch.setenv("OXL_CONFIG", "other.toml")
    found = read_settings()
    assert (found.issuers, found.partial_status) == ("https://a.example,https://b.example/=beta", 200)
    monkeypatch.setenv("OXL_CONFIG", "gone.toml")
    with pytest.raises(ValueError, match=r"gone\.toml: No such file"):
        read_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "setting prot in oxl.toml is not known; is port meant?"),
        ("zzz = 1", "setting zzz in oxl.toml is not known (`oxl settings` shows those that are)"),
        ('port = "many"', "setting port in oxl.toml is 'many', but must be a whole number from 1 to 65535"),
        ("port = 0", "setting port in oxl.toml is 0, but must be a whole number from 1 to 65535"),
        ("port = true", "setting port in oxl.toml is True, but must be a whole number from 1 to 65535"),
        ("rate = -1", "setting rate in oxl.toml is -1, but must be a whole number of at least 1"),
        ("metrics_open = 7", "setting metrics_open in oxl.toml is 7, but must be true or false"),
        ('auth = "none"', "setting auth in oxl.toml is 'none', but must be dev or required"),
        ("[server]\nport = 1", "setting server in oxl.toml is not known"),
        ("[host]\nname = 1", "setting host in oxl.toml is {'name': 1}, but must be a text, or a list of texts"),
        ("port = ", "setting file oxl.toml: Invalid value (at end of document)"),
    ],
)
def test_what_a_file_cannot_say_is_refused_by_name(folder: Path, text: str, told: str) -> None:
    (folder / "oxl.toml").write_text(text)
    with pytest.raises(ValueError, match="setting") as refused:
        read_settings()
    assert str(refused.value).startswith(told)


def test_a_misspelt_variable_is_refused_and_every_fault_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("OXL_AUHT", "required"), ("OXL_PORT", "tcp://10.0.0.1:80"), ("OXL_PG_WORK_MEM", "8MB")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="OXL_AUHT is not known; is OXL_AUTH meant") as refused:
        read_settings()
    assert "OXL_PORT is 'tcp://10.0.0.1:80', but must be a whole number" in str(refused.value)
    assert "PG_WORK" not in str(refused.value)


def test_what_others_put_into_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OXL_SERVICE_HOST", "OXL_SERVICE_PORT_HTTP", "OXL_API_PORT_8080_TCP_ADDR", "OXL_BENCH_ACCOUNTS"):
        monkeypatch.setenv(name, "x")
    assert read_settings() == Settings()


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://oxl:s3cret@db:5432/oxl") == "postgresql://oxl:…@db:5432/oxl"
    assert without_password("https://a.example,https://b.example") == "https://a.example,https://b.example"
