"""Sample client code: a Python module with one function for each operation, which needs nothing but Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oxl.certify.standard import Place

_HEAD = '''"""A client of {title} v{version}: one function an operation. Needs Python 3.11 and nothing else.

Run it with the address of a server to see what it holds: python client.py http://127.0.0.1:8080
"""

import json
import sys
import urllib.parse
import urllib.request

BASE = "{base}"


def ask(server, method, path, body=None, query=None, token=None):
    """One request; the document that it is answered with, or None. urllib.error.HTTPError when it is refused."""
    url = server.rstrip("/") + BASE + path + ("?" + urllib.parse.urlencode(query) if query else "")
    headers = {{"Accept": "application/json"}}
    if token:
        headers["Authorization"] = "Bearer " + token
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
        text = answer.read()
        return json.loads(text) if text else None
'''
_WORDS = {"GET": "retrieve", "POST": "create", "PATCH": "change", "DELETE": "remove"}


def client(place: Place, operations: Sequence[tuple[str, str]], shown: Sequence[str]) -> str:
    """The module; run as a program, it tells of the resources that are to be shown."""
    found, listed = [_HEAD.format(title=place.title, version=place.version, base=place.base)], []
    for method, path in operations:
        if path.count("/") > (2 if "{id}" in path else 1):
            continue  # files of any length
        resource, one = path.split("/")[1], "{id}" in path
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", resource).lower()
        word = _WORDS[method] if one or method != "GET" else "list"
        asked = [*(["resource_id"] if one else []), *(["body"] if method in ("POST", "PATCH") else [])]
        arguments = ", ".join(["server", *asked, *(["**query"] if method == "GET" else []), *(["token=None"])])
        if method == "GET":
            arguments = ", ".join(["server", *asked, "token=None", "**query"])
        place_of = f'"/{resource}/" + urllib.parse.quote(resource_id, safe="")' if one else f'"/{resource}"'
        given = ["body" if "body" in asked else "None", "query" if method == "GET" else "None", "token"]
        found.append(f'\n\ndef {word}_{name}({arguments}):\n    """{method} {path}"""\n'
                     f'    return ask(server, "{method}", {place_of}, {", ".join(given)})\n')  # fmt: skip
        if word == "list" and resource in shown:
            listed.append((resource, f"list_{name}"))
    found.append('\n\nif __name__ == "__main__":\n    SERVER = sys.argv[1]\n')
    for resource, function in listed:
        found.append(f'    print("{resource}", len({function}(SERVER, limit=100)))\n')
    return "".join(found)
