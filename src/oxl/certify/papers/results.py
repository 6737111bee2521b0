"""The results of a run: HTML for people, JSON and JUnit for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from typing import Any
from xml.etree import ElementTree as Xml  # written here, never read

from oxl.certify.asking import Answer, shown
from oxl.certify.papers.about import About
from oxl.certify.papers.page import page, rows, table
from oxl.certify.running import SUITE, Report, Result

_SHOWN = 12  # exchanges of a failed rule that are kept
_CLASS = {"passed": "passed", "failed": "failed", "not tested": "untested"}


def html(report: Report, about: About) -> str:
    """The results as one self-contained page."""
    place = report.standard.place
    title = f"{place.number} {place.title} v{place.version}: conformance results"
    failed = [result for result in report.results if result.outcome == "failed"]
    parts = [f"<h1>{escape(title)}</h1>", _verdict(report), rows(about.head(report)), "<h2>Summary</h2>"]
    parts.append(table(("Resource", "Passed", "Failed", "Not tested"), _summary(report)))
    if failed:
        parts.append("<h2>What failed</h2>")
        parts += [_told(result) for result in failed]
    parts.append("<h2>All that was asked</h2>")
    for resource, results in groupby(report.results, key=lambda result: result.resource):
        parts.append(f"<h3>{escape(resource or 'subscriptions')}</h3>")
        parts.append(table(("Rule", "What is asked", "From", "Outcome"), map(_line, results)))
    return page(title, *parts)


def _verdict(report: Report) -> str:
    name, text = ("passed", "Passed") if report.passed else ("failed", "Failed")
    counted = (
        f"{report.count('passed')} passed, {report.count('failed')} failed, {report.count('not tested')} not tested"
    )
    return f'<p class="verdict {name}">{text}</p><p class="soft">{counted}, in {report.seconds:.1f} s</p>'


def _summary(report: Report) -> Iterable[Sequence[str]]:
    for resource, grouped in groupby(report.results, key=lambda result: result.resource):
        found = list(grouped)
        counts = [str(sum(each.outcome == name for each in found)) for name in _CLASS]
        yield (escape(resource or "subscriptions"), *counts)


def _line(result: Result) -> Sequence[str]:
    outcome = f'<span class="{_CLASS[result.outcome]}">{result.outcome}</span>'
    why = "".join(f"<br><span class=soft>{escape(fault)}</span>" for fault in result.faults)
    return f"<code>{result.rule.name}</code>", escape(result.rule.says) + why, escape(result.rule.source), outcome


def _told(result: Result) -> str:
    faults = "".join(f'<li class="failed">{escape(fault)}</li>' for fault in result.faults)
    asked = "".join(map(_exchange, result.exchanges[-_SHOWN:]))
    return (
        f"<h3>{escape(result.resource)} {escape(result.rule.name)}</h3>"
        f"<p>{escape(result.rule.says)}</p><ul>{faults}</ul>"
        f"<details><summary>what was said ({len(result.exchanges)} exchanges)</summary>{asked}</details>"
    )


def _exchange(answer: Answer) -> str:
    sent = f"<pre>{escape(shown(answer.sent))}</pre>" if answer.sent else ""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return (
        f"<p><code>{escape(answer.method)} {escape(answer.url)}</code> → {answer.status} "
        f"<span class=soft>{answer.seconds * 1000:.0f} ms</span></p>{sent}"
        f"<pre>{escape(headers)}\n\n{escape(shown(answer.text))}</pre>"
    )


def data(report: Report, about: About) -> str:
    """The results as JSON."""
    place = report.standard.place
    found: dict[str, Any] = {
        "api": place.number,
        "title": place.title,
        "version": place.version,
        "suite": SUITE,
        "company": about.company,
        "product": about.product,
        "release": about.release,
        "date": report.began.isoformat(),
        "target": f"{report.target}{place.base}",
        "passed": report.passed,
        "counts": {name: report.count(name) for name in ("passed", "failed", "not tested")},
        "results": [
            {
                "rule": result.rule.name,
                "resource": result.resource,
                "says": result.rule.says,
                "source": result.rule.source,
                "outcome": result.outcome,
                "faults": list(result.faults),
                "seconds": round(result.seconds, 4),
            }
            for result in report.results
        ],
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def junit(reports: Iterable[Report]) -> str:
    """The results of all APIs as JUnit XML: one suite an API, one case a rule and resource."""
    top = Xml.Element("testsuites")
    for report in reports:
        place = report.standard.place
        suite = Xml.SubElement(top, "testsuite", name=f"{place.number} v{place.version}", time=f"{report.seconds:.3f}")
        suite.set("timestamp", f"{report.began:%Y-%m-%dT%H:%M:%S}")
        suite.set("tests", str(len(report.results)))
        suite.set("failures", str(report.count("failed")))
        suite.set("skipped", str(report.count("not tested")))
        for result in report.results:
            case = Xml.SubElement(suite, "testcase", name=result.rule.name, time=f"{result.seconds:.3f}")
            case.set("classname", f"{place.key}.{result.resource or 'hub'}")
            if result.outcome != "passed":
                kind = "failure" if result.outcome == "failed" else "skipped"
                Xml.SubElement(case, kind, message=_clean(result.faults[0])).text = _clean("\n".join(result.faults))
    Xml.indent(top)
    return Xml.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    """A text without what XML cannot hold."""
    return "".join(
        each if each in "\t\n" or " " <= each <= "\ud7ff" or "\ue000" <= each <= "\ufffd" else "?" for each in text
    )
