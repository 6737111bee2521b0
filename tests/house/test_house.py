"""The house rules, held against the repository; and each rule, held against an example that it must refuse."""

from __future__ import annotations

import debts
import pytest
import python_rules
import repository_rules
import rules
import sql_rules

MODULES = (python_rules, repository_rules, sql_rules)  # importing them registers their rules


def _known(rule: rules.Rule) -> set[tuple[str, str]]:
    return set(debts.DEBTS.get(rule.find.__name__, ()))


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.find.__name__)
def test_the_house_keeps(rule: rules.Rule) -> None:
    faults = [fault for fault in rules.here(rule.find) if (fault.path, fault.what) not in _known(rule)]
    assert not faults, "\n".join([f"{rule.sentence}. {rule.find.__doc__}", *map(str, faults)])


@pytest.mark.parametrize(
    ("rule", "bad"),
    [pytest.param(rule, bad, id=f"{rule.find.__name__}-{n}") for rule in rules.RULES for n, bad in enumerate(rule.bad)],
)
def test_can_fail(rule: rules.Rule, bad: dict[str, str]) -> None:
    found = set(rule.find({**rules.repository(), **bad})) - set(rules.here(rule.find))
    assert {fault.path for fault in found} & set(bad), f"{rule.sentence} did not refuse {bad}"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.find.__name__)
def test_proves_itself_and_gives_a_reason(rule: rules.Rule) -> None:
    assert rule.bad
    assert rule.find.__doc__


def test_debts_that_were_paid_are_struck_out() -> None:
    owed = {(rule.find.__name__, fault.path, fault.what) for rule in rules.RULES for fault in rules.here(rule.find)}
    paid = {(name, *debt) for name, known in debts.DEBTS.items() for debt in known} - owed
    assert not paid, f"mended: strike these out of debts.py: {sorted(paid)}"
