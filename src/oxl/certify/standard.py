"""What is judged: the APIs of the standard with the resources, forms and events of their documents.

All of it is read from the facts; the tables hold what no document says in a machine's words: places, titles, the states
in which a task has ended, and the ODA components that expose or use an API.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from oxl.certify.documents import Contract, Flat, Json, flat, name_of, official, read

ALWAYS = ("id", "href", "@type")
_BESIDES = ("id", "href", "@type", "status", "state", "creationDate", "requestedDate", "lastUpdate")
_OPERATIONS = {
    "list": ("GET", ""), "create": ("POST", ""), "retrieve": ("GET", "/{id}"), "patch": ("PATCH", "/{id}"),
    "delete": ("DELETE", "/{id}"),
}  # fmt: skip


class Use(NamedTuple):
    """What an ODA component has to do with an API."""

    component: str
    name: str
    role: str  # exposes, depends on, subscribes to
    mandatory: bool


class Place(NamedTuple):
    """One API in one version."""

    key: str  # the name of its facts
    number: str
    version: str
    base: str
    title: str
    about: str  # what the product does, in one sentence
    uses: tuple[Use, ...] = ()


_USAGE = Use("TMFC040", "Product Usage Management", "exposes", True)
_CALCULATION = ("TMFC031", "Bill Calculation Management")
_GENERATION = ("TMFC030", "Bill Generation Management")
_RECORDS = (
    "Usage records are taken in, guided to the product that owes them, rated by its price plan and paid from its "
)
_BILLS = "Bills are calculated from what was used, brought, and explained rate by rate down to the usage record."
_REPORTS = "What a subscriber has used and has left is told per device, product, account or party."
PLACES = (
    Place("TMF635", "TMF635", "5.0.0", "/tmf-api/productUsageManagement/v5", "Product Usage Management",
          _RECORDS + "buckets.", (_USAGE, Use(*_CALCULATION, "depends on", False))),
    Place("TMF654", "TMF654", "4.0.0", "/tmf-api/prepayBalanceManagement/v4", "Prepay Balance Management",
          "Buckets of money and units are topped up, adjusted, transferred and reserved on a double-entry ledger."),
    Place("TMF677", "TMF677", "5.1.0", "/tmf-api/usageConsumption/v5", "Usage Consumption Management", _REPORTS,
          (Use("TMFC040", "Product Usage Management", "exposes", True),)),
    Place("TMF678", "TMF678", "5.0.0", "/tmf-api/customerBillManagement/v5", "Customer Bill Management", _BILLS,
          (Use(*_GENERATION, "exposes", True), Use(*_CALCULATION, "exposes", True))),
    Place("TMF680", "TMF680", "4.0.0", "/tmf-api/recommendationManagement/v4", "Recommendation Management",
          "Offerings are recommended from live balances and what is owned already."),
    Place("TMF635v4", "TMF635", "4.0.0", "/tmf-api/usageManagement/v4", "Usage Management",
          _RECORDS + "buckets.", (_USAGE, Use(*_CALCULATION, "depends on", False))),
    Place("TMF677v4", "TMF677", "4.0.0", "/tmf-api/usageConsumption/v4", "Usage Consumption Management", _REPORTS,
          (Use("TMFC040", "Product Usage Management", "exposes", True),)),
    Place("TMF678v4", "TMF678", "4.0.0", "/tmf-api/customerBillManagement/v4", "Customer Bill Management", _BILLS,
          (Use(*_GENERATION, "exposes", True), Use(*_CALCULATION, "exposes", True))),
)  # fmt: skip
FINAL = {  # the states in which a task has come to its end
    "exportJob": ("Succeeded", "Failed"),
    "queryUsageConsumption": ("rejected", "cancelled", "done", "terminatedWithError"),
    "customerBillOnDemand": ("rejected", "done", "terminatedWithError"),
    "queryProductRecommendation": ("done", "terminatedWithError"),
}
RESULTS = {  # what a task holds when it is done, always a list
    "queryUsageConsumption": "usageConsumption",
    "queryProductRecommendation": "recommendationItem",
}


class Standard:
    """One API as its document has it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        document = official(place.key)
        self.contract: Contract = read(document)
        self.v5 = "openapi" in document
        self._flat: dict[str, Flat] = {}
        self.kinds = [
            Kind(self, path.strip("/"))
            for method, path in self.contract.operations
            if method == "GET" and not path.endswith("}") and not path.startswith(("/hub", "/listener"))
        ]

    @property
    def always(self) -> tuple[str, ...]:
        """What identifies every document, whatever was asked for."""
        return ALWAYS if self.v5 else ALWAYS[:2]

    @property
    def hub(self) -> set[str]:
        """The methods on subscriptions."""
        return {method for method, path in self.contract.operations if path.startswith("/hub")}

    def flat(self, name: str) -> Flat:
        """A schema with all that it inherits."""
        if name not in self._flat:
            self._flat[name] = flat(self.contract, name)
        return self._flat[name]


class Kind:
    """One resource as its document has it."""

    def __init__(self, standard: Standard, name: str) -> None:
        self.standard = standard
        self.name = name

    @cached_property
    def operations(self) -> dict[str, str]:
        """Operation → its id in the document."""
        found = {}
        for operation, (method, suffix) in _OPERATIONS.items():
            declared = self.standard.contract.operations.get((method, f"/{self.name}{suffix}"))
            if declared:
                found[operation] = declared.id
        return found

    @cached_property
    def schema(self) -> str:
        """The schema that one of them is answered by."""
        return name_of(self.standard.contract.operations["GET", f"/{self.name}/{{id}}"].responses["200"]["schema"])

    @cached_property
    def form(self) -> str:
        """The schema of the body that creates one; empty: none."""
        return self._body("POST", f"/{self.name}")

    @cached_property
    def update(self) -> str:
        """The schema of the body that changes one; empty: none."""
        return self._body("PATCH", f"/{self.name}/{{id}}")

    def _body(self, method: str, path: str) -> str:
        declared = self.standard.contract.operations.get((method, path))
        return name_of(declared.bodies["application/json"]) if declared else ""

    @cached_property
    def mandatory(self) -> tuple[str, ...]:
        """What every answer holds: what the document requires, identity, state, and the dates that are the server's.

        lastUpdate is the server's where no form lets a client send it.
        """
        found = self.standard.flat(self.schema)
        always = [name for name in _BESIDES if name in found.attributes]
        sent = [name for form in (self.form, self.update) if form for name in self.standard.flat(form).attributes]
        if "lastUpdate" in always and "lastUpdate" in sent:
            always.remove("lastUpdate")
        if not self.standard.v5:
            always.remove("@type")
        return tuple(dict.fromkeys([*always, *sorted(found.required)]))

    @property
    def state(self) -> str:
        """The attribute that is its state; empty: it has none."""
        attributes = self.standard.flat(self.schema).attributes
        return next((name for name in ("status", "state") if name in attributes), "")

    @cached_property
    def events(self) -> dict[str, str]:
        """Event type → the key that its payload has the resource under."""
        others = [each.name for each in self.standard.kinds if len(each.name) > len(self.name)]
        found = {}
        for _, path in self.standard.contract.operations:
            event = path.removeprefix("/listener/")
            if event != path and event.startswith(self.name) and not event.startswith(tuple(others)):
                found[event[0].upper() + event[1:]] = self.name
        return found


def standard_of(key: str, base: str | None = None) -> Standard:
    """The API of that key, such as TMF635 or TMF635v4; LookupError when the suite has none.

    base: where this server has it, when that is not the place of the standard.
    """
    for place in PLACES:
        if place.key.lower() == key.lower():
            return Standard(place if base is None else place._replace(base=base.rstrip("/")))
    raise LookupError(f"the suite knows {', '.join(place.key for place in PLACES)}, not {key}")


def ended(kind: Kind, doc: Json) -> bool:
    """Whether a task has come to its end."""
    return doc.get(kind.state) in FINAL[kind.name]
