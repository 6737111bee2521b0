"""The dossier of an API: what an operator publishes with a certification, as one list of blocks for all formats.

The table of resources and operations is that of the contract which the server publishes; where it publishes none, of
what the suite found served, and the dossier says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from oxl.certify.documents import Contract
from oxl.certify.papers.about import About
from oxl.certify.papers.drawing import Drawing, draw, svg
from oxl.certify.papers.page import page, rows, table
from oxl.certify.running import Report

_SENTENCES = {  # by method, and whether it is of one
    ("GET", False): "Lists {}, page by page, filtered by any attribute.",
    ("GET", True): "Reads one {} by its id, whole or the attributes that are asked for.",
    ("POST", False): "Creates one {} and answers with it.",
    ("PATCH", True): "Changes one {} and answers with the whole of it.",
    ("DELETE", True): "Removes one {}.",
}


class Rows(NamedTuple):
    """Names and values."""

    pairs: Sequence[tuple[str, str]]


class Table(NamedTuple):
    """A table of texts."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]


class Dossier(NamedTuple):
    """A title, and sections of blocks: a text is a paragraph."""

    title: str
    sections: Sequence[tuple[str, Sequence[str | Rows | Table | Drawing]]]


class Product(NamedTuple):
    """What is known of the product besides its API."""

    contract: Contract | None  # what the server publishes of this API
    others: Sequence[str]  # the other APIs that it serves
    parts: Mapping[str, Sequence[str]]  # its layers, where they are known


def operations(report: Report, product: Product) -> list[tuple[str, str, str, str]]:
    """(resource, operation, path, sentence) of all that is served, listeners left out."""
    contract = product.contract or report.standard.contract
    found = []
    for (method, path), operation in contract.operations.items():
        resource = path.split("/")[1]
        if resource == "listener":
            continue
        name = "subscription to events" if resource == "hub" else resource
        plain = path in (f"/{resource}", f"/{resource}/{{id}}")
        sentence = (
            _SENTENCES[method, path.endswith("}")].format(name) if plain else f"{operation.summary or operation.id}."
        )
        own = " Not part of the standard's document." if operation.extension else ""
        found.append((resource, method, path, sentence + own))
    return found


def dossier(report: Report, about: About, product: Product) -> Dossier:
    """The dossier of the API that a report is of."""
    place = report.standard.place
    listed = operations(report, product)
    resources = [kind.name for kind in report.standard.kinds]
    source = "the contract that the server publishes" if product.contract else "the document; the server publishes none"
    counts = [[name, str(report.count(name))] for name in ("passed", "failed", "not tested")]
    uses = [
        [f"{use.component} {use.name}", use.role, "mandatory" if use.mandatory else "optional"] for use in place.uses
    ]
    events = [event for kind in report.standard.kinds for event in kind.events]
    view = draw(
        f"{place.number} {place.title} v{place.version}",
        resources,
        bool(report.standard.hub),
        product.others,
        product.parts,
    )
    verdict = "All that was tested is conformant." if report.passed else "The API is not conformant yet."
    return Dossier(
        f"{place.number} {place.title} v{place.version}: certification dossier",
        (
            ("Who and what", [Rows(about.head(report))]),
            ("What the product does", [place.about]),
            ("Resources and operations", [
                f"As told by {source}, below {place.base}.",
                Table(("Resource", "Operation", "Overview"), [[r, f"{m} {p}", text] for r, m, p, text in listed]),
            ]),
            ("Events", [Table(("Event",), [[event] for event in events])] if events else ["None."]),
            ("ODA components", [Table(("Component", "Role", "API is"), uses)] if uses else
             ["No published ODA component exposes this API yet."]),
            ("Architecture", [view]),
            ("Test results", [
                verdict, Table(("Outcome", "Rules"), counts),
                f"In full: {about.file(place, 'HTMLResults.html')}",
            ]),
        ),
    )  # fmt: skip


def html(paper: Dossier) -> str:
    """The dossier as one self-contained page."""
    parts = [f"<h1>{escape(paper.title)}</h1>"]
    for title, blocks in paper.sections:
        parts.append(f"<h2>{escape(title)}</h2>")
        for block in blocks:
            if isinstance(block, str):
                parts.append(f"<p>{escape(block)}</p>")
            elif isinstance(block, Rows):
                parts.append(rows(block.pairs))
            elif isinstance(block, Table):
                parts.append(table(block.head, [[escape(cell) for cell in line] for line in block.lines]))
            else:
                parts.append(svg(block))
    return page(paper.title, *parts)


def markdown(paper: Dossier, drawing: str) -> str:
    """The dossier as Markdown; the drawing is in a file of its own beside it."""
    found = [f"# {paper.title}", ""]
    for title, blocks in paper.sections:
        found += [f"## {title}", ""]
        for block in blocks:
            if isinstance(block, str):
                found.append(block)
            elif isinstance(block, Rows):
                found += _markdown_table(("", ""), [list(pair) for pair in block.pairs])
            elif isinstance(block, Table):
                found += _markdown_table(block.head, block.lines)
            else:
                found.append(f"![Architecture]({drawing})")
            found.append("")
    return "\n".join(found)


def _markdown_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, lines)]
