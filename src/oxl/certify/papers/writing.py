"""Writes the papers of a run into a folder, under the names that certification uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from oxl.certify.papers import dossier, drawing, results
from oxl.certify.papers.about import About
from oxl.certify.running import Report

JUNIT = "junit.xml"


def write(folder: Path, about: About, reports: Sequence[Report], products: Mapping[str, dossier.Product]) -> list[Path]:
    """Results and dossier of every API, and one JUnit file of all; the paths that were written."""
    from oxl.certify.papers.pdf import pdf  # takes a tenth of a start to load, and only who writes needs it

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for report in reports:
        place = report.standard.place
        paper = dossier.dossier(report, about, products[place.key])
        view = next(block for _, blocks in paper.sections for block in blocks if isinstance(block, drawing.Drawing))
        picture = about.file(place, "Architecture.svg")
        files: dict[str, str | bytes] = {
            about.file(place, "HTMLResults.html"): results.html(report, about),
            about.file(place, "Results.json"): results.data(report, about),
            about.file(place, "Dossier.html"): dossier.html(paper),
            about.file(place, "Dossier.md"): dossier.markdown(paper, picture),
            about.file(place, "Dossier.pdf"): pdf(paper, about),
            picture: drawing.svg(view),
        }
        for name, content in files.items():
            written.append(folder / name)
            written[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    written.append(folder / JUNIT)
    written[-1].write_text(results.junit(reports), "utf-8")
    return written
