"""House rules on the repository: locks, settings, addresses, paths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rules import Fault, Tree, files, lines, nodes, rule

_ADDRESS = re.compile(r"\bhttps?://[^\s\"'`)<>\]]+")
_HOSTS = re.compile(
    r"https?://(\[?[\w.-]*\.example|example\.(com|org|net)|localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|\{[\w.]+\}"
    r"|elsewhere|server|host\.docker\.internal|www\.apache\.org|keepachangelog\.com|semver\.org|www\.tmforum\.org|www\.w3\.org)([:/;,{]|$)"
)
_ABOUT_ADDRESSES = (  # those that must be refused
    "tests/apis/test_exports.py",
    "tests/house/repository_rules.py",
    "tests/identity/test_attacks.py",
    "tests/pure/test_callbacks.py",
)
_SOMEBODYS = re.compile(r"(?<![\w.:}>$/-])/(home|Users|root|work|workspace|builds?|mnt|scratch)/[\w.]+")
_SETTINGS = "src/oxl/settings.py"


@rule(
    {"requirements.lock": "asyncpg==0.32.0\n"},
    {"requirements.lock": "asyncpg @ git+ssh://example.com/asyncpg \\\n    --hash=sha256:00\n"},
    {"requirements-dev.lock": "--index-url https://example.com/simple\n"},
)
def every_locked_requirement_has_a_hash_and_no_index(tree: Tree) -> Iterator[Fault]:
    """What is installed is what was tested, from whichever mirror it comes."""
    for path, text in files(tree, "requirements.lock", "requirements-dev.lock", suffix=".lock"):
        for requirement in re.split(r"(?<!\\)\n", text):
            place = text[: text.index(requirement)].count("\n") + 1
            name = requirement.split("==")[0].strip()
            if not requirement.strip() or requirement.startswith("#"):
                continue
            if "://" in requirement or "index-url" in requirement or "find-links" in requirement:
                yield Fault(path, place, f"{name.split()[0]} names an address")
            elif "==" not in requirement or "--hash=sha256:" not in requirement:
                yield Fault(path, place, f"{name} has no version or no hash")


@rule(
    {"docs/late.md": "See https://mirror.corp.internal/simple for packages."},
    {"src/oxl/late.css": "@import 'http://x.io';"},
)
def every_web_address_is_meant_to_be_there(tree: Tree) -> Iterator[Fault]:
    """No page loads from elsewhere, nothing is fetched at run time, and no mirror of somebody's is published."""
    for path, text in tree.items():
        if path not in _ABOUT_ADDRESSES:
            for line, address in lines(text, _ADDRESS):
                if not _HOSTS.match(address):
                    yield Fault(path, line, f"names {address[:60]}")


@rule({"docs/late.md": "Look into /home/ada/oxl."}, {"src/oxl/late.py": "X = '/work/oxl'"})
def no_file_names_a_folder_of_somebodys_machine(tree: Tree) -> Iterator[Fault]:
    """It would be true there only."""
    for path, text in tree.items():
        if path != "tests/house/repository_rules.py":
            for line, folder in lines(text, _SOMEBODYS):
                yield Fault(path, line, f"names {folder}")


@rule({_SETTINGS: "class Settings:\n    port: int = 1\n"})
def every_setting_says_what_it_is(tree: Tree) -> Iterator[Fault]:
    """The table of settings is the first page that an operator reads."""
    for path, node in nodes(tree, _SETTINGS):
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and "_is(" not in ast.unparse(field.annotation):
                    yield Fault(path, field.lineno, f"{ast.unparse(field.target)} does not say what it is")


@rule({"README.md": "[gone](docs/never/written.md)"})
def every_link_to_a_file_leads_somewhere(tree: Tree) -> Iterator[Fault]:
    """A page that has moved takes its links along."""
    for path, text in files(tree, *tree, suffix=".md"):
        for line, link in lines(text, re.compile(r"\]\((?!https?:|#|mailto:)[^)#\s]+")):
            target = link[2:]
            parts = [] if target.startswith("/") else path.split("/")[:-1]
            for step in target.strip("/").split("/"):
                parts = parts[:-1] if step == ".." else [*parts, *([] if step == "." else [step])]
            place = "/".join(parts)
            if place not in tree and not any(other.startswith(f"{place}/") for other in tree):
                yield Fault(path, line, f"leads to {target}, which is not there")
