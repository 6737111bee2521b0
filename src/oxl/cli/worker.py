"""The worker process that `oxl serve` starts beside the server, by the settings of the environment."""

from __future__ import annotations

from oxl.cli.ground import run
from oxl.cli.serving import work_until_stopped
from oxl.settings import read_settings

if __name__ == "__main__":
    run(work_until_stopped(read_settings()))
