"""The server process that `oxl serve` starts: uvicorn with its workers, by the settings of the environment."""

from __future__ import annotations

import resource
import sys
from typing import Any

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from oxl.identity.door import Door
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
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=Door,
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


def run_server() -> None:
    """Serve until a signal stops it. The socket is the supervisor's: while a worker is started anew, clients wait."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is one
    config = config_of("oxl.app:create", read_settings(), is_factory=True)
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    if any(each.exitcode == STARTUP_FAILURE for each in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    run_server()
