"""Ground for scenarios that start processes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.scenarios.serving import until_gone


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's own user can pass through."""
    made = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    made.chmod(0o711)
    yield made
    with suppress(AssertionError):  # what a test that failed has left
        until_gone(made)
    shutil.rmtree(made, ignore_errors=True)
