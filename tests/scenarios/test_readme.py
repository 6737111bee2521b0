"""The README's first walk, pasted as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.scenarios.commands import Cli
from tests.scenarios.serving import free_port, until_serving

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl: apt-get install curl")
def test_the_first_walk_works_as_pasted(folder: Path) -> None:
    cli = Cli(folder / "data")
    cli.run("seed", "demo", "--subscribers", "20", "--records", "1000")
    port = free_port()
    server = cli.start("serve", "--port", str(port))
    until_serving(f"http://127.0.0.1:{port}", server)
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    told = [
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace("127.0.0.1:8080", f"127.0.0.1:{port}")],
            capture_output=True, text=True, check=True,
        ).stdout
        for block in blocks
    ]  # fmt: skip
    server.end()
    assert len(told) == 4
    assert '"name": "10 GB data"' in told[0]
    assert '"status": "rated"' in told[1]
    assert '"description": "included"' in told[1]
    assert '"status": "completed"' in told[2]
    assert re.search(r"x-total-count: \d+", told[3], re.IGNORECASE)
    assert "statusReason" in told[3]
