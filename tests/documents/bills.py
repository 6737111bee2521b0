"""Random bills as their documents see them: the sums are the engine's own, everything else is chosen."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import msgspec

from oxl.demo.billing import OPERATOR_POLICY
from oxl.engines.billing.facts import Buyer, Exemption, Facts, Line, Product, Tax, Used
from oxl.engines.billing.sums import Line as Sum
from oxl.engines.billing.sums import coin, taxed

NAMES = ("Call to Germany", "Call to the United Kingdom, the United States or Canada", "Data in the rest of the world",
         "Message to a premium number", "Television", "Donaudampfschifffahrtsgesellschaftskapitänsmützenverleih",
         "Sonderzeichen < & > \" '")  # fmt: skip
_CREDITS = ("productAlteration", "rebate", "discount")
_TYPES = (*["usageCharge"] * 3, "recurringCharge", "oneTimeCharge", *_CREDITS, "lateFee")
_UNITS = ("second", "byte", "message", "tv-minute", "mms")
_RATES = {"S": 190_000, "R": 70_000, "Z": 0, "O": 0}
_SELLER = msgspec.structs.replace(
    OPERATOR_POLICY.seller, register="HRB 123456 B, Amtsgericht Charlottenburg", phone="+49 30 5550100",
    email="hallo@aurora.example", web="aurora.example",
)  # fmt: skip


def bill(seed: int, language: str = "", category: str = "", lines: int = 0, currency: str = "EUR") -> Facts:
    """A bill that a seed stands for; what is not given is chosen."""
    r = Random(seed)
    first = date(2026, r.randint(1, 12), r.randint(1, 28))
    last = first + timedelta(days=r.randint(0, 31))
    gross = r.choice((True, False, None))
    category = category or r.choice(("normal", "normal", "interim", "last", "credit note", "duplicate"))
    back = -1 if category == "credit note" else 1
    grain = coin(currency)
    made = [_line(r, first, last, gross, back, r.randint(0, 3)) for _ in range(lines or r.randint(1, 60))]
    made, exemptions = _exempt(r, made) if r.random() < 0.25 else (made, ())
    sums, table = taxed([Sum(each.tax_category, each.tax_rate, each.tax_included, each.shown) for each in made])
    placed = tuple(
        msgspec.structs.replace(each, shown=each.shown * grain, net=part.net * grain, tax=part.tax * grain)
        for each, part in zip(made, sums, strict=True)
    )
    net, tax = sum(e.base for e in table) * grain, sum(e.tax for e in table) * grain
    rounding = sum(e.rounding for e in table) * grain
    carried = r.choice((0, 0, 1, -1)) * r.randint(1, 9_000) * grain if back > 0 else 0
    days = (last - first).days + 1
    return Facts(
        number=f"AM2026-{seed:08d}", category=category, of_number="AM2026-00000001" if back < 0 else None,
        language=language or r.choice(("en", "de", "fr", "es", "it", "nl", "de-AT", "pl")), currency=currency,
        issued=last, due_day=last + timedelta(days=14), first=first, last=last, seller=_SELLER,
        buyer=Buyer(name=r.choice(("Ada Test", "Łucja Żółć-Ångström " * 4)), account=f"acc-{seed}",
                    street=r.choice(("", "Lange Straße 12a")), city="Köln", postal_code="50667", country="DE"),
        products=tuple(Product(f"49155500{n:05d}", f"Aurora {n}") for n in range(3)), lines=placed,
        exemptions=exemptions, taxes=tuple(Tax(e.category, e.rate, e.base * grain, e.tax * grain) for e in table),
        used=tuple(Used(unit, tuple(r.randint(0, 9_000_000) for _ in range(days))) for unit in r.sample(_UNITS, 2)),
        net=net, tax=tax, rounding=rounding, carried=carried, owed=net + tax + rounding,
        due=net + tax + rounding + carried,
    )  # fmt: skip


def _exempt(r: Random, lines: list[Line]) -> tuple[list[Line], tuple[Exemption, ...]]:
    """The same lines of a customer who need not pay tax; of one that has just become it, a part of them."""
    category, part = r.choice(("E", "AE")), r.choice((1.0, 0.5))
    made = [
        msgspec.structs.replace(line, tax_category=category, tax_rate=0, tax_included=False)
        if line.tax_rate and r.random() <= part else line for line in lines
    ]  # fmt: skip
    reason = "Diplomatic mission" if category == "E" else "Services to a business in another member state"
    code = r.choice(("VATEX-EU-151", "")) if category == "E" else ""
    number = "ATU12345678" if category == "AE" else ""
    told = Exemption(category=category, reason=reason, reason_code=code, certificate="Z 12/34", tax_number=number)
    return made, (told,) if any(line.tax_category == category for line in made) else ()


def _line(r: Random, first: date, last: date, gross: bool | None, back: int, product: int) -> Line:
    kind = r.choice(_TYPES)
    category = r.choice(tuple(_RATES)) if r.random() < 0.3 else "S"
    usage = kind == "usageCharge"
    sign = -1 if kind in _CREDITS else 1
    shown = back * sign * r.choice((0, r.randint(1, 99), r.randint(1, 10**6)))
    days = r.randint(1, 31)
    return Line(
        rate_type=kind, name=r.choice(NAMES), product=product, unit=r.choice(_UNITS) if usage else "day",
        quantity=r.randint(0, 10**9) if usage else r.randint(1, days), events=r.randint(1, 9_999) if usage else None,
        of_days=None if usage else days, first=first, last=last, tax_category=category, tax_rate=_RATES[category],
        tax_included=r.random() < 0.5 if gross is None else gross, shown=shown, net=0, tax=0,
    )  # fmt: skip
