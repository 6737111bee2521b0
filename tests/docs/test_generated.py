"""The pages that are generated are those that would be generated now, and no other is beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.tables import columns
from tests.reference import REFERENCE, reference_pages


@pytest.mark.parametrize("path", reference_pages(), ids=lambda path: path.stem)
def test_a_page_is_what_is_declared(path: Path) -> None:
    assert path.read_text("utf-8") == reference_pages()[path], "run: python -m tests.reference"


def test_no_page_tells_of_an_api_that_is_not_there() -> None:
    assert set((REFERENCE / "api").glob("*.md")) == {path for path in reference_pages() if path.parent.name == "api"}


def test_columns_are_read_with_what_is_said_of_them() -> None:
    body = "    id text primary key,  -- its name\n                          -- and more\n    n int,\n    unique (n)\n"
    assert list(columns(body)) == [("id", "text primary key", "its name and more"), ("n", "int", "")]
