"""The server process that `oxl serve` starts: uvicorn with its workers, by the settings of the environment."""

from __future__ import annotations

import resource
import socket
import sys
from typing import Any

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from oxl.settings import Settings, read_settings

_LAST_SECONDS = 10  # that a worker has to finish what it is at
_KEEP_SECONDS = 75  # that a connection is kept for a next request: longer than a proxy in front keeps it
_HUNG_SECONDS = 30  # after which a worker that does not answer its supervisor is started anew


def config_of(app: Any, settings: Settings, *, is_factory: bool = False) -> Config:
    """How an application is served."""
    return Config(
        app,
        factory=is_factory,
        interface="asgi3",
        lifespan="on",
        workers=settings.workers,
        loop="uvloop",
        http="oxl.identity.door:Door",  # loaded where it serves, not by the supervisor
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
        timeout_keep_alive=_KEEP_SECONDS,
        timeout_graceful_shutdown=_LAST_SECONDS,
        timeout_worker_healthcheck=_HUNG_SECONDS,
    )


def bound(settings: Settings) -> socket.socket:
    """The socket to listen at; shared with workers that a supervisor which was killed may have left for a moment."""
    shared = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        shared.setsockopt(socket.SOL_SOCKET, option, 1)
    shared.bind((settings.host, settings.port))
    return shared


def run_server() -> None:
    """Serve until a signal stops it. The socket is the supervisor's: while a worker is started anew, clients wait."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is one
    settings = read_settings()
    config = config_of("oxl.app:create", settings, is_factory=True)
    supervisor = Multiprocess(config, [bound(settings)])
    supervisor.run()
    if any(each.exitcode == STARTUP_FAILURE for each in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    run_server()
