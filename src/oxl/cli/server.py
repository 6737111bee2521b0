"""The server process that `oxl serve` starts: Granian with its workers, by the settings of the environment."""

from __future__ import annotations

from pathlib import Path

from granian import Granian
from granian.constants import Interfaces, Loops

from oxl.settings import read_settings

_OPEN = 10_000  # requests of a worker that may be open, streams among them; what they may ask for is bounded elsewhere
_LAST_SECONDS = 10  # that a worker has to finish what it is at


def run_server() -> None:
    """Serve until a signal stops it."""
    settings = read_settings()
    Granian(
        "oxl.app:create",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop=Loops.uvloop,
        websockets=False,
        log_access=False,
        respawn_failed_workers=True,
        ssl_cert=Path(settings.tls_cert) if settings.tls_cert else None,
        ssl_key=Path(settings.tls_key) if settings.tls_key else None,
        backpressure=_OPEN,
        workers_kill_timeout=_LAST_SECONDS,
    ).serve()


if __name__ == "__main__":
    run_server()
