"""`oxl` for pages with many commands: one process that has imported everything forks for each of them.

`python -m tests.docs.forking SOCKET` serves; SHIM is the program that pages call as `oxl`. It hands over its words, its
folder, its environment and its three files, and leaves with the command's exit code.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

SHIM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as to:
    to.connect({path!r})
    told = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(to, [len(told).to_bytes(4, "big")], [0, 1, 2])
    to.sendall(told)
    code = to.recv(1)
sys.exit(code[0] if code else 70)
"""


def write_shim(program: Path, path: Path) -> None:
    """Write the program that stands for `oxl`."""
    program.write_text(SHIM.format(python=sys.executable, path=str(path)))
    program.chmod(0o755)


def _serve(path: str) -> None:
    from oxl.cli.main import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as at:
        at.bind(path)
        at.listen(64)
        while True:
            come, _ = at.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                at.close()
                os._exit(_answer(come, main))
            come.close()


def _answer(come: socket.socket, main: object) -> int:
    head, files, _, _ = socket.recv_fds(come, 4, 3)
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        told += come.recv(65_536)
    words, folder, environment = json.loads(told)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["oxl", *words]
    code = 0
    try:
        main()  # type: ignore[operator]
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 – a command that breaks must not go on as the server
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    come.sendall(bytes([code]))
    return code


if __name__ == "__main__":
    _serve(sys.argv[1])
