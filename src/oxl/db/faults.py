"""Failures that the integrators of a sandbox ask for, to see what their own systems make of them. Pure.

They stand beside the tenant's clock and come with it: every process knows them a second after they were set.
"""

from __future__ import annotations

import secrets
from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_FINE = 1_000_000


class Faults(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What goes wrong: shares are of 1, delays milliseconds."""

    error_share: Share = 0.0  # of requests to the standard's APIs that are answered with an error
    error_status: Annotated[int, msgspec.Meta(ge=500, le=504)] = 503
    request_delay: Annotated[int, msgspec.Meta(ge=0, le=30_000)] = 0  # before each of them is answered
    event_delay: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0  # before each event is delivered
    duplicate_share: Share = 0.0  # of events that are delivered twice


NONE = Faults()
_read = msgspec.json.Decoder(Faults).decode


def faults_of(text: str) -> Faults:
    """The faults as they are kept."""
    return _read(text)


def text_of(faults: Faults) -> str:
    """Faults as they are kept."""
    return msgspec.json.encode(faults).decode()


def happens(share: float) -> bool:
    """Whether something of which there is a share happens this time."""
    return share > 0 and secrets.randbelow(_FINE) < share * _FINE
