"""Ground for scenarios that start processes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's own user can pass through."""
    made = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    made.chmod(0o711)
    yield made
    time.sleep(1)
    shutil.rmtree(made, ignore_errors=True)
