"""A process that holds a lease: joins DATA, prints how to reach the server as JSON, leaves when its stdin closes."""

import json
import sys
import time
from pathlib import Path

from oxl.db.embedded import EmbeddedError, join

begun = time.monotonic()
try:
    lease = join(Path(sys.argv[1]), lambda text: print(text, file=sys.stderr, flush=True))
except EmbeddedError as error:
    print(json.dumps({"refused": str(error)}), flush=True)
    sys.exit(1)
reach = {name: getattr(lease, name) for name in ("host", "port", "user", "password", "database", "pid")}
print(json.dumps(reach | {"seconds": round(time.monotonic() - begun, 2)}), flush=True)
sys.stdin.read()
lease.close()
