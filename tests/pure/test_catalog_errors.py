"""A catalog with anything wrong in it is refused, and each problem names its file, line and field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxl.engines.catalog.catalog import load_folder
from oxl.engines.catalog.document import CatalogError, read_document
from oxl.engines.catalog.plan_document import PLAN, compile_plan

FILES = {
    "specifications.yaml": """specifications:
  - id: voice
    name: Voice call
    service: voice
    version: "1"
    characteristics:
      - {name: number, valueType: string, required: true}
      - {name: start, valueType: date-time, required: true}
      - {name: duration, valueType: integer, required: true, minimum: 0}
      - {name: durationUnit, valueType: string, units: [s, min], default: s}
    roles: {number: number, start: start, quantity: duration, quantityUnit: durationUnit}
""",
    "offerings.yaml": """offerings:
  - id: small
    name: Small
    plan: small
    productSpecification: line
""",
    "tax.yaml": """taxCategories:
  - id: S
    name: Standard
    rates:
      - {validFrom: "2021-01-01T00:00:00+01:00", percent: "19"}
""",
    "zones/numbers.csv": "zone,prefix\nnational,49\n",
    "plans/small.yaml": """plan: small
name: Small
version: 1
validFrom: "2026-01-01T00:00:00+01:00"
currency: EUR
timezone: Europe/Berlin
taxIncluded: true
taxCategory: S
kind: prepaid
zones: {destination: numbers}
recurring:
  - {id: fee, name: Fee, price: "5.00", period: month}
allowances:
  - id: minutes
    name: Minutes
    usageType: voice
    amount: "10"
    units: min
    period: month
    match: {service: voice, zone: [national]}
usage:
  - id: call
    name: Call
    match: {service: voice, zone: national}
    unit: second
    price: "0.10"
    per: 60
  - id: windowed
    name: Call anywhere
    match: {service: voice}
    unit: second
    windows:
      - days: [sat, sun]
        steps: [{price: "0.05", per: 60}]
      - from: "18:00"
        steps: [{price: "0.06", per: 60}]
      - steps:
          - {from: 0, price: "0.10", per: 60}
          - {from: 60, price: "0.08", per: 60}
""",
}

S, O, T, P = "specifications.yaml", "offerings.yaml", "tax.yaml", "plans/small.yaml"  # noqa: E741

# file, what is replaced, by what, then where it is told (line, field) and a part of what is said
BROKEN = [
    (P, "currency: EUR", "currency: EURO", 5, "currency", "unknown unit 'EURO'"),
    (P, "currency: EUR", "currency: MB", 5, "currency", "'MB' is not a currency"),
    (P, "Europe/Berlin", "Europe/Atlantis", 6, "timezone", "no such time zone"),
    (P, "taxIncluded: true", "taxIncluded: yes", 7, "taxIncluded", "must be true or false"),
    (P, "taxIncluded: true", "taxIncluded:", 7, "taxIncluded", "has no value"),
    (P, "kind: prepaid", "kind: pre", 9, "kind", "must be one of prepaid, postpaid, addon"),
    (P, "kind: prepaid", "kind: prepaid\ntiers: []", 10, "tiers", "unknown field"),
    (P, "kind: prepaid", "kind: prepaid\nrebates: []", 10, "rebates", "unknown field"),
    (P, "kind: prepaid", "kind: prepaid\nkind: postpaid", 10, "kind", "written twice"),
    (P, "kind: prepaid\n", "", 1, "kind", "is required"),
    (P, "version: 1", "version: 1.0", 3, "version", "must be a whole number"),
    (P, "version: 1", "version: 0", 3, "version", "must be a whole number from 1"),
    (P, "01T00:00:00+01:00", "01T00:00:00", 4, "validFrom", "not an RFC 3339 date-time with offset"),
    (P, "taxCategory: S", "taxCategory: Z", 8, "taxCategory", "no such tax category: Z"),
    (P, "2026-01-01T", "2020-01-01T", 8, "taxCategory", "no rate yet"),
    (P, "{destination: numbers}", "{destination: nowhere}", 10, "zones.destination", "no such zone table: nowhere"),
    (P, 'price: "5.00"', 'price: "five"', 12, "recurring[0].price", "'five' is not an amount"),
    (P, 'price: "5.00"', 'price: "-5"', 12, "recurring[0].price", "must not be negative"),
    (P, 'price: "5.00"', 'price: "0.0000001"', 12, "recurring[0].price", "finer than a millionth"),
    (P, 'price: "5.00"', "price: [5]", 12, "recurring[0].price", "must be a single value, not a list"),
    (P, 'price: "5.00"', 'price: "1e99"', 12, "recurring[0].price", "is not an amount"),
    (P, "period: month}", "period: week}", 12, "recurring[0].period", "must be one of month"),
    (P, 'amount: "10"', 'amount: "0"', 17, "allowances[0].amount", "must be more than nothing"),
    (P, 'amount: "10"', 'amount: "0.001"', 17, "allowances[0].amount", "finer than the smallest unit"),
    (P, "units: min", "units: GB", 18, "allowances[0].units", "GB measures data, not voice"),
    (P, "units: min", "units: fortnight", 18, "allowances[0].units", "unknown unit 'fortnight'"),
    (P, "period: month\n", "period: month\n    rollover: {max: 5}\n", 20, "allowances[0].rollover", "unknown field"),
    (P, "zone: [national]", "zone: [local]", 20, "allowances[0].match.zone", "local is in none of the plan's zone"),
    (P, "id: call", "id: fee", 22, "usage[0].id", "fee is already the id of recurring[0]"),
    (P, "unit: second\n    price", "unit: GB\n    price", 25, "usage[0].unit", "voice is measured in second, not byte"),
    (P, "    unit: second\n    price", "    price", 22, "usage[0].unit", "is required"),
    (P, '    price: "0.10"\n', "", 22, "usage[0]", "must have one of free, price, windows and tiers"),
    (P, '    price: "0.10"\n', '    price: "1"\n    free: true\n', 22, "usage[0]", "not free and price"),
    (P, "per: 60\n", "incremant: 6\n", 27, "usage[0].incremant", "unknown field, did you mean increment?"),
    (P, "per: 60\n", "per: 0\n", 27, "usage[0].per", "must be a whole number from 1"),
    (P, "per: 60\n", "rounding: {decimals: 7}\n", 27, "usage[0].rounding.decimals", "a whole number from 0 to 6"),
    (P, "per: 60\n", 'maxCost: {amount: "1", then: never}\n', 27, "usage[0].maxCost.then", "must be one of free, stop"),
    (P, "{service: voice}", "{service: fax}", 30, "usage[1].match.service", "no usage specification for the service"),
    (P, "{service: voice}", "{zone: national}", 30, "usage[1].match.service", "is required"),
    (P, "{service: voice}", "{service: voice, zone: national}", 30, "usage[1].match", "is never reached: call matches"),
    (P, "    windows:", "    per: 60\n    windows:", 32, "usage[1].per", "goes with price only"),
    (P, "[sat, sun]", "[sat, holiday]", 33, "usage[1].windows[0].days[1]", "must be one of mon"),
    (P, '"18:00"', '"25:00"', 35, "usage[1].windows[1].from", "must be a time of day"),
    (P, '"18:00"', '"24:00"', 35, "usage[1].windows[1].from", "the window has no length"),
    (P, "days: [sat, sun]", "setup: 0", 37, "usage[1].windows[2]", "is never reached"),
    (P, "- steps:\n", '- to: "17:30"\n        steps:\n', 32, "usage[1].windows", "no window covers mon 17:30"),
    (P, "{from: 0, price", "{from: 1, price", 38, "usage[1].windows[2].steps[0].from", "the first step must be from 0"),
    (P, "{from: 60, price", "{from: 0, price", 39, "usage[1].windows[2].steps[1].from", "must be beyond the step"),
    (P, "usage:\n", "usage: {}\nold:\n", 21, "usage", "must be a list, not a mapping"),
    (P, "plan: small", "plan: [small", 2, "", "not YAML"),
    (P, "plan: small\n", "plan: large\n", 4, "offerings[0].plan", "no such plan: small"),
    (S, "units: [s, min]", "units: [s, MB]", 11, "specifications[0].roles.quantityUnit", "measure different things"),
    (S, "units: [s, min], ", "", 11, "specifications[0].roles.quantityUnit", "durationUnit declares no units"),
    (S, "default: s", "default: h", 10, "specifications[0].characteristics[3].default", "unknown unit 'h'"),
    (S, ", default: s", "", 11, "specifications[0].roles.quantityUnit", "must be required or have a default"),
    (S, "quantityUnit: durationUnit", "quantityUnit: week", 11, "specifications[0].roles.quantityUnit", "neither"),
    (S, "start: start", "start: number", 11, "specifications[0].roles.start", "must be of type date-time"),
    (S, "start: start", "start: begin", 11, "specifications[0].roles.start", "no such characteristic: begin"),
    (S, "valueType: integer", "valueType: int", 9, "specifications[0].characteristics[2].valueType", "must be one of"),
    (S, "{name: start,", "{name: number,", 8, "specifications[0].characteristics[1].name", "already declared"),
    (S, "service: voice", "service: phone", 20, "allowances[0].match.service", "no usage specification"),
    (O, "plan: small", "plan: small\n    isBundle: true", 5, "offerings[0].isBundle", "exactly when"),
    (O, "plan: small", "plan: tiny", 4, "offerings[0].plan", "no such plan: tiny"),
    (T, 'percent: "19"', 'percent: "119"', 5, "taxCategories[0].rates[0].percent", "a percentage from 0 to 100"),
]  # fmt: skip


def _folder(root: Path, changes: dict[str, str | None]) -> Path:
    for file, text in {**FILES, **changes}.items():
        if text is not None:
            (root / file).parent.mkdir(exist_ok=True)
            (root / file).write_text(text)
    return root


def _problems(root: Path) -> list:
    with pytest.raises(CatalogError) as caught:
        load_folder(root)
    assert str(caught.value).count("\n") == len(caught.value.problems) - 1
    return caught.value.problems


def test_the_folder_that_the_cases_break_is_sound(tmp_path: Path):
    catalog = load_folder(_folder(tmp_path, {}))
    assert list(catalog.plans) == list(catalog.offerings) == ["small"]


@pytest.mark.parametrize(("file", "old", "new", "line", "field", "message"), BROKEN)
def test_a_problem_names_its_file_line_and_field(
    tmp_path: Path, file: str, old: str, new: str, line: int, field: str, message: str
):
    assert old in FILES[file]
    problems = _problems(_folder(tmp_path, {file: FILES[file].replace(old, new, 1)}))
    told = [problem for problem in problems if (problem.line, problem.field) == (line, field)]
    assert told, "\n".join(map(str, problems))
    assert any(message in problem.message for problem in told), told
    assert all(f"{problem.file}:{problem.line}: " in str(problem) for problem in told)


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path):
    changes = {
        P: FILES[P].replace("kind: prepaid", "kind: free").replace('price: "5.00"', "price: dear"),
        T: FILES[T].replace("percent", "procent"),
        "zones/numbers.csv": "zone,prefix\nnational,+49\n",
        "offerings.yaml": None,
    }
    told = {(problem.file, problem.field) for problem in _problems(_folder(tmp_path, changes))}
    assert told == {
        (P, "kind"),
        (P, "recurring[0].price"),
        (T, "taxCategories[0].rates[0].procent"),
        (T, "taxCategories[0].rates[0].percent"),
        ("zones/numbers.csv", "prefix"),
        ("offerings.yaml", ""),
    }


@pytest.mark.parametrize(
    ("file", "text", "field", "message"),
    [
        ("plans/other.yml", "plan: other\n", "", "no such catalog file"),
        ("prices.yaml", "", "", "no such catalog file"),
        ("plans/empty.yaml", "", "", "the document is empty"),
        ("plans/list.yaml", "- plan\n", "", "must be a mapping, not a list"),
        ("plans/again.yaml", FILES[P], "version", "small has a version 1 in plans/again.yaml already"),
        ("plans/later.yaml", FILES[P].replace("version: 1", "version: 2"), "validFrom", "later than that of version 1"),
        (
            "plans/dollars.yaml",
            FILES[P].replace("version: 1", "version: 2").replace("EUR", "USD").replace("2026", "2027"),
            "currency",
            "cannot change",
        ),
        (
            "plans/pack.yaml",
            FILES[P].replace("plan: small", "plan: pack").replace("prepaid", "addon"),
            "usage",
            "an addon has none",
        ),
    ],
)
def test_a_file_too_many_is_told(tmp_path: Path, file: str, text: str, field: str, message: str):
    problems = _problems(_folder(tmp_path, {file: text}))
    assert any(problem.field == field and message in problem.message for problem in problems), problems


def test_what_is_no_text_is_told_and_not_raised(tmp_path: Path):
    root = _folder(tmp_path, {})
    (root / "plans" / "small.yaml").write_bytes(b"plan: \xff\xfe")
    [problem] = _problems(root)
    assert problem.file == "plans/small.yaml"
    assert "UTF-8" in problem.message
    shutil.rmtree(root / "plans")
    assert {problem.field for problem in _problems(root)} == {"offerings[0].plan"}


WORDS = [
    "[]",
    "{}",
    "-",
    "~",
    "true",
    '"1"',
    "-1",
    "1e9",
    "24:00",
    "&a",
    "*a",
    "?",
    "'",
    "9" * 19,
    "usage",
    "zone: x",
    "",
]


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(WORDS)), min_size=1, max_size=3))
def test_no_damage_to_a_document_is_more_than_a_problem(damage: list[tuple[int, str]]):
    words = FILES[P].split(" ")
    for place, word in damage:
        words[place % len(words)] = word
    page, values = read_document(P, " ".join(words), PLAN)
    assert page.problems if values is None else compile_plan(page, values, {}) or page.problems


def test_nesting_without_end_is_a_problem():
    page, values = read_document(P, "plan: " + "[" * 3_000, PLAN)
    assert values is None
    assert page.problems
