"""The facts that the repository holds are those of the official documents."""

from __future__ import annotations

import pytest
from tests.conformance.documents import (
    FORMER,
    LISTS,
    NUMBERS,
    SPECS,
    document,
    facts,
    flat,
    listed,
    official,
    reachable,
    read,
    reduced,
)


@pytest.mark.parametrize("number", [*NUMBERS, *FORMER])
def test_the_facts_of_a_document_are_whole(number: str) -> None:
    contract = read(official(number))
    for name in reachable(contract, list(contract.operations.values())):
        assert name in contract.schemas
        flat(contract, name)
    named = {(each["method"], each["path"]) for each in facts("operations") if each["api"] == number}
    assert named <= set(contract.operations)


def test_where_the_documents_are_beside_the_repository_the_facts_are_theirs() -> None:
    beside = SPECS.is_dir()
    assert {number: reduced(document(number)) if beside else official(number) for number in (*NUMBERS, *FORMER)} == {
        number: official(number) for number in (*NUMBERS, *FORMER)
    }
    assert {name: listed(name, each) if beside else facts(name) for name, each in LISTS.items()} == {
        name: facts(name) for name in LISTS
    }
