"""Who is with Aurora Mobile: the people, accounts and numbers that the demo loads before any traffic flows.

Each body is what `POST /oxl/v1/subscriber` takes. All is drawn from the seed and the given `now`: no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from oxl.values import instant_text

BERLIN = ZoneInfo("Europe/Berlin")
OFFERINGS = {
    "prepaid-s": 25,
    "prepaid-m": 30,
    "postpaid-l": 20,
    "family-share": 15,
    "data-only": 10,
}  # per cent of lines
ADD_ONS = {"roaming-eu-pack": 5, "roaming-world-pack": 2}  # per cent of lines
REUSED = 1  # per cent of lines whose number had an earlier owner
TOPUPS = {  # weights of a top-up's amount in EUR, by prepaid offering
    "prepaid-s": {5: 15, 10: 40, 15: 30, 20: 10, 30: 5},
    "prepaid-m": {5: 5, 10: 15, 15: 30, 20: 30, 30: 20},
}
OLDEST, NEWEST = 73, 33  # days ago a line starts: whole local days, so that 32 to 75 holds at any hour and time change
EARLIER_STARTED, EARLIER_ENDED, LATER_STARTED = (65, 73), (42, 55), (33, 40)  # days ago, for both owners of a number
TOPUP_DAYS = 40  # all top-ups but a line's first lie within so many days before now

CITIES = (("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"), ("Köln", "50667"), ("Leipzig", "04109"))
STREETS = ("Ahornweg", "Lindenallee", "Am Alten Markt", "Goethestraße", "Kastanienweg", "Bahnhofstraße", "Schulgasse")
GIVEN = (
    "Anna Lukas Marie Jonas Sophie Felix Lena Paul Emilia Leon Hannah Elias Mia Finn Clara Noah Johanna Moritz Greta"
    " Jakob Frieda Emil Lotte Anton Ida Oskar Paula Karl Helene Matteo Giulia Luca Chiara Mehmet Elif Can Zeynep Piotr"
    " Agnieszka Jan Zofia Marek Ivana Nikola Katarina Andrei Ioana Sofia Mateo Lucía Hugo Camille Louis Inès Freja"
    " Nils Astrid Erik Aisling Henk"
).split()
FAMILY = (
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf"
    " Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann Köhler Maier König"
    " Huber Kaiser Fuchs Vogel Jung Winkler Lorenz Baumann Albrecht Simon Sauer Arslan Yılmaz Demir Kaya Nowak Kowalski"
    " Wójcik Horvat Popescu Ionescu Rossi Bianchi García Dubois Laurent Jensen Lindberg Janssen Novák"
).split()


def subscribers(count: int, now: datetime, seed: int) -> Iterator[dict[str, Any]]:
    """`count` bodies, Kate Brandt first; where a number is reused, its earlier owner comes before its later one."""
    if count < 1:
        return
    rng = Random(f"{seed}:population")
    seats = _seats(count, rng)
    singles = [place for place, seat in enumerate(seats) if place and seat.offering != "family-share"]
    owner_before = _reused_numbers(singles, round(count * REUSED / 100), rng)
    ended = set(owner_before.values())
    packs = _packs(count, rng)
    today = now.astimezone(BERLIN).date()
    yield _kate(today)
    opener = (0, 0, "")  # days ago, billing day and family name of the line that opened the current account
    for place in range(1, count):
        seat = seats[place]
        if seat.opener == place:
            days = _days_ago(place in ended, place in owner_before, rng)
            opener = (days, rng.randint(1, 28), rng.choice(FAMILY))
        else:
            days = rng.randint(NEWEST, opener[0])
        start = _midnight(today, days)
        end = _midnight(today, rng.randint(*EARLIER_ENDED)) if place in ended else None
        number = owner_before.get(place, place)
        body = _body(place, number, (rng.choice(GIVEN), opener[2]), (seat.opener, opener[1]), seat.offering)
        body["validFor"] = _valid_for(start, end)
        if place in packs:
            body["addOn"] = [{"id": packs[place]}]
        if seat.offering in TOPUPS:
            body["topup"] = _topups(seat.offering, start, end, now, rng)
        yield body


def without_topups(body: Mapping[str, Any]) -> dict[str, Any]:
    """A subscriber as the API takes it: the top-ups of the demo are made one by one afterwards."""
    return {name: value for name, value in body.items() if name != "topup"}


def apportion(count: int, weights: Mapping[str, float]) -> dict[str, int]:
    """`count` shared out by weight in whole numbers: floors first, the rest to the largest remainders."""
    total = sum(weights.values())
    exact = {name: count * weight / total for name, weight in weights.items()}
    shares = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in by_remainder[: count - sum(shares.values())]:
        shares[name] += 1
    return shares


class _Seat(NamedTuple):
    """One line's place in the list: its offering, and the place of the line that opened its account."""

    offering: str
    opener: int


def _seats(count: int, rng: Random) -> list[_Seat]:
    """Every line's seat: the offerings in their shares, households shuffled and kept together, Kate's first."""
    shares = apportion(count, OFFERINGS)
    if shares["family-share"] == 1:  # nobody is a family alone
        shares["family-share"] = 0
        shares["prepaid-m"] += 1
    shares["prepaid-m"] -= 1  # Kate's
    households = [(name, 1) for name, lines in shares.items() if name != "family-share" for _ in range(lines)]
    households += [("family-share", size) for size in _family_sizes(shares["family-share"], rng)]
    rng.shuffle(households)
    seats = [_Seat("prepaid-m", 0)]
    for offering, size in households:
        seats += [_Seat(offering, len(seats))] * size
    return seats


def _family_sizes(lines: int, rng: Random) -> Iterator[int]:
    """`lines` cut into families of 2 to 5."""
    while lines:
        size = rng.choice([size for size in (2, 3, 4, 5) if lines - size >= 2 or lines == size])
        yield size
        lines -= size


def _reused_numbers(singles: list[int], count: int, rng: Random) -> dict[int, int]:
    """Place of a number's later owner → place of its earlier one, always an earlier place in the list."""
    count = min(count, len(singles) // 2)
    places = sorted(rng.sample(singles, 2 * count))
    return dict(zip(places[count:], places[:count], strict=True))


def _packs(count: int, rng: Random) -> dict[int, str]:
    """Place → roaming pack, for the lines that carry one; Kate has none, so that her walk can buy it."""
    packs = [pack for pack, percent in ADD_ONS.items() for _ in range(round(count * percent / 100))]
    return dict(zip(rng.sample(range(1, count), len(packs)), packs, strict=True))


def _days_ago(is_earlier_owner: bool, is_later_owner: bool, rng: Random) -> int:
    """How many days ago a line started."""
    if is_earlier_owner:
        return rng.randint(*EARLIER_STARTED)
    return rng.randint(*LATER_STARTED) if is_later_owner else rng.randint(NEWEST, OLDEST)


def _midnight(today: date, days_ago: int) -> datetime:
    """The local midnight with which that day began, as UTC."""
    return datetime.combine(today - timedelta(days=days_ago), time(), BERLIN).astimezone(UTC)


def _valid_for(start: datetime, end: datetime | None) -> dict[str, str]:
    period = {"startDateTime": instant_text(start)}
    return period if end is None else {**period, "endDateTime": instant_text(end)}


def _topups(offering: str, start: datetime, end: datetime | None, now: datetime, rng: Random) -> list[dict[str, Any]]:
    """One top-up as the line starts and up to three more within the last days; an ended line has its first only."""
    weights = TOPUPS[offering]
    later = 0 if end else rng.randint(0, 3)
    since = max(start, now - timedelta(days=TOPUP_DAYS))
    seconds = int((now - since).total_seconds())
    instants = [start, *sorted(since + timedelta(seconds=rng.randrange(1, seconds)) for _ in range(later))]
    amounts = rng.choices(list(weights), list(weights.values()), k=len(instants))
    return [_topup(amount, at) for amount, at in zip(amounts, instants, strict=True)]


def _topup(amount: int, at: datetime) -> dict[str, Any]:
    return {"amount": {"amount": amount, "units": "EUR"}, "at": instant_text(at)}


def _body(place: int, number: int, name: tuple[str, str], account: tuple[int, int], offering: str) -> dict[str, Any]:
    """What every body has; an account is (place of the line that opened it, billing day); places count from 0."""
    return {
        "externalId": f"demo-{place + 1:06d}",
        "party": {
            "givenName": name[0],
            "familyName": name[1],
            "contactMedium": [_address(place)],
            "languageAbility": [{"languageCode": "de"}],
        },
        "billingAccount": {
            "externalId": f"acc-{account[0] + 1:06d}",
            "kind": "prepaid" if offering in TOPUPS else "postpaid",
            "currency": "EUR",
            "billingDay": account[1],
        },
        "logicalResource": {"value": f"491555{number + 1:07d}"},
        "productOffering": {"id": offering},
    }


def _address(place: int) -> dict[str, str]:
    """Where somebody lives, by their place in the list."""
    city, code = CITIES[place % len(CITIES)]
    street = f"{STREETS[place // len(CITIES) % len(STREETS)]} {place % 97 + 1}"
    kind = "GeographicAddressContactMedium"
    return {"@type": kind, "street1": street, "city": city, "postCode": code, "country": "DE"}


def _kate(today: date) -> dict[str, Any]:
    """The well-known first subscriber, the same under every seed: the one whom the README follows."""
    body = _body(0, 0, ("Kate", "Brandt"), (0, 1), "prepaid-m")
    body["validFor"] = _valid_for(_midnight(today, 60), None)
    body["topup"] = [_topup(amount, _midnight(today, days)) for amount, days in ((20, 60), (20, 30), (15, 4))]
    return body
