"""The command line `oxl`: a person's door to what HTTP and the worker do. It calls the same verbs.

from __future__ import annotations

from oxl.cli.main import main

__all__ = ["main"]
