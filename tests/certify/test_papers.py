"""What is written of a run: whole, self-contained, readable by the tools it is meant for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml  # of what was written here

import pytest
from double import NOON, Asked, Double, Reply

from oxl.certify.papers import results
from oxl.certify.papers.about import About
from oxl.certify.papers.dossier import Product, dossier, html, markdown, operations
from oxl.certify.papers.drawing import svg
from oxl.certify.papers.pdf import pdf
from oxl.certify.papers.writing import write
from oxl.certify.running import Report

ABOUT = About("Télé & Söhne", "OXL <x>", "1.0", "http://certify.example", NOON, "a test")
PRODUCT = Product(None, ["Prepay Balance Management"], {"Kernel": ["one"], "Engines": ["ledger", "usage"]})


@pytest.fixture(scope="module")
async def report(judge: Any) -> Report:
    """Results of an API with a fault in it."""

    def spoil(_: Double, asked: Asked, reply: Reply) -> Reply:
        return Reply(200, {"why": "<script>alert(1)</script>\x01"}) if reply.status == 404 else reply

    return await judge("TMF635v4", spoil)


def test_the_names_of_papers_are_those_of_certification(report: Report) -> None:
    assert ABOUT.file(report.standard.place, "HTMLResults.html") == "TELE_SOHNE-TMF635RW-v4.0.0-HTMLResults.html"


def test_results_are_one_page_that_loads_nothing_and_tells_faults(report: Report) -> None:
    page = results.html(report, ABOUT)
    assert "Télé &amp; Söhne" in page
    assert "OXL &lt;x&gt;" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page
    for _, value in ABOUT.head(report):
        assert value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in page
    failed = [result for result in report.results if result.outcome == "failed"]
    assert failed
    for result in failed:
        assert f"{result.resource} {result.rule.name}" in page


def test_junit_and_json_count_what_the_report_counts(report: Report) -> None:
    (suite,) = Xml.fromstring(results.junit([report]))
    assert int(suite.get("tests", "")) == len(suite) == len(report.results)
    assert len(suite.findall("testcase/failure")) == report.count("failed") == int(suite.get("failures", ""))
    assert len(suite.findall("testcase/skipped")) == report.count("not tested")
    data = json.loads(results.data(report, ABOUT))
    assert (data["passed"], data["counts"]["failed"]) == (False, report.count("failed"))
    assert len(data["results"]) == len(report.results)


def test_the_dossier_has_every_section_and_every_operation_in_every_format(report: Report) -> None:
    paper = dossier(report, ABOUT, PRODUCT)
    page, text = html(paper), markdown(paper, "view.svg")
    for title, blocks in paper.sections:
        assert blocks, title
        assert title in page
        assert f"## {title}" in text
    served = operations(report, PRODUCT)
    assert len(served) == len([path for _, path in report.standard.contract.operations if "/listener" not in path])
    for _, method, path, sentence in served:
        assert f"{method} {path}" in page
        assert f"{method} {path}" in text
        assert sentence.endswith(".")
    assert "TMFC040" in text
    assert "certify.example" not in svg(next(block for block in paper.sections[5][1] if not isinstance(block, str)))


def test_the_pdf_is_one(report: Report) -> None:
    made = pdf(dossier(report, ABOUT, PRODUCT), ABOUT)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert b"/Type /Page\n" in made or b"/Type /Page " in made


def test_the_drawing_is_svg_with_every_part(report: Report) -> None:
    (drawing,) = dossier(report, ABOUT, PRODUCT).sections[5][1]
    text = svg(drawing)  # type: ignore[arg-type]
    found = " ".join(each.text or "" for each in Xml.fromstring(text).iter() if each.tag.endswith("text"))
    for part in ("usage", "usageSpecification", "Kernel", "ledger", "Listeners", "Prepay Balance Management"):
        assert part in found
    for box in drawing.boxes:  # type: ignore[union-attr]
        assert box.x >= 0
        assert box.x + box.width <= drawing.width  # type: ignore[union-attr]
        assert box.y + box.height <= drawing.height  # type: ignore[union-attr]


def test_writing_writes_all_of_it(report: Report, tmp_path: Path) -> None:
    written = write(tmp_path / "new", ABOUT, [report], {"TMF635v4": PRODUCT})
    assert all(path.stat().st_size > 500 for path in written)
    assert {path.suffix for path in written} == {".html", ".json", ".md", ".pdf", ".svg", ".xml"}
