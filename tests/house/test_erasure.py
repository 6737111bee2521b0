"""Whoever is erased is erased everywhere: every table that knows of somebody is forgotten, or says why not."""

from __future__ import annotations

import re

import pytest
from rules import Tree, files, repository

_ABOUT = {"party_id", "account_id", "device_id", "product_id", "usage_id", "parties", "query_id", "receiver_account_id"}
# Tables that know of somebody by ids alone, which say nothing once names and numbers are gone.
IDS_ALONE = {
    "allowance_schedule": "when a product's allowances are granted",
    "bill_account": "how many bills an account had",
    "bill_dunning": "which step was taken when",
    "bill_fee": "what was charged for which period",
    "bill_run_item": "what became of an account in a run",
    "bucket_use": "how much a device drew",
    "charge": "what an account owed for usage",
    "party_erasure": "that somebody was erased",
    "product_plan": "which plan a product was on when",
    "usage_counter": "how much was used of a component",
    "usage_history": "which state a usage was in when",
    "usage_key": "that a record is known, by its hash",
    "usage_restoring": "what a restored usage is yet to become",
}


def about_somebody(tree: Tree) -> set[str]:
    """The tables with a column that names a party, an account, a device, a product or a usage."""
    made = re.compile(r"^create table (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
    tables = made.findall(tree["src/oxl/db/schema.sql"])
    return {name for name, body in tables if set(re.findall(r"^    (\w+) ", body, re.MULTILINE)) & _ABOUT}


def forgotten(tree: Tree) -> set[str]:
    """The tables that an engine's erasure changes or empties."""
    texts = [text for _, text in files(tree, "src", suffix="erasure.sql")]
    return {table for text in texts for table in re.findall(r"\b(?:update|delete from) (\w+)", text)}


def test_every_table_that_knows_of_somebody_is_forgotten() -> None:
    tree = repository()
    keys = {"api_key"}  # by identity
    left = about_somebody(tree) - forgotten(tree) - keys - set(IDS_ALONE)
    assert not left, f"a party is erased, and these still know of it; forget them in an erasure.sql: {sorted(left)}"


def test_what_is_excepted_is_there_and_forgets_nothing() -> None:
    tree = repository()
    assert set(IDS_ALONE) <= about_somebody(tree)
    assert all(IDS_ALONE.values())


@pytest.mark.parametrize("column", sorted(_ABOUT))
def test_a_table_that_is_new_is_noticed(column: str) -> None:
    late = {"src/oxl/db/schema.sql": f"create table late (\n    id text,\n    {column} text\n);\n"}
    assert about_somebody(late) == {"late"}
