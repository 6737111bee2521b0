"""Grounds for tests with real servers: bare, or with a ready database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ground import Ground, laid_out, quiet
from tests.waiting import until_now

from oxl.db.embedded import join


@pytest.fixture
def bare() -> Iterator[Ground]:
    """A ground with no data folder yet."""
    with laid_out() as ground:
        yield ground


@pytest.fixture(scope="session")
def seed() -> Iterator[Ground]:
    """A ground with a stopped database, to be copied: making one takes longer than most tests."""
    with laid_out() as ground:
        join(ground.data, quiet).close()
        until_now(ground.gone)
        yield ground


@pytest.fixture
def ground(bare: Ground, seed: Ground) -> Ground:
    """A ground with a stopped, empty database."""
    bare.copy(seed)
    return bare
