"""The audit of dependencies says what it found, and never more."""

from __future__ import annotations

import audit
import pytest

CLEAN = {"name": "a", "version": "1", "vulns": []}
HOLE = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "said", "code"),
    [
        ([CLEAN], "1 audited, no known hole", 0),
        ([CLEAN, UNKNOWN], "2 audited, no known hole, 1 are not known there", 0),
        ([CLEAN, HOLE], "1 known holes\nb 2: PYSEC-1", 1),
        ([UNKNOWN, UNKNOWN], "NOT audited", 0),
    ],
)
def test_what_is_found_is_said(packages: list[dict], said: str, code: int) -> None:
    line, found = audit.told(audit.verdict({"dependencies": packages}))
    assert said in line
    assert found == code


def test_no_answer_is_no_clean_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit.sys, "executable", "/bin/false")
    assert audit.audit("a==1", 5) is None
    monkeypatch.setattr(audit.sys, "executable", "/bin/cat")
    assert "NOT audited" in audit.told(audit.audit("a==1", 5))[0]


def test_an_exception_is_one_hole_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(audit.EXCEPTED, "CVE-1", "we never call it")
    assert audit.verdict({"dependencies": [HOLE]}).holes == ()
    assert all(audit.EXCEPTED.values())
