"""What a double holds from the start, since it cannot be created over the API."""

from __future__ import annotations

from collections.abc import Iterator

from oxl.certify.documents import Json
from oxl.certify.standard import Kind


def seed(kind: Kind) -> Iterator[Json]:
    """Two of a resource."""
    euro = {"units": "EUR"}
    for n in (1, 2):
        doc: Json = {"name": f"{kind.name} {n}", "description": f"number {n}"}
        if kind.name == "bucket":
            doc |= {"id": f"b{n}", "usageType": "monetary", "status": "active", "isShared": False,
                    "remainingValue": {"amount": 100 * n} | euro}  # fmt: skip
        elif kind.name == "accumulatedBalance":
            doc |= {"bucket": [{"id": "b1"}, {"id": "b2"}], "totalBalance": {"amount": 300} | euro}
        elif kind.name == "customerBill":
            values = {"taxExcludedAmount": 100, "taxIncludedAmount": 119, "amountDue": 119, "remainingAmount": 19}
            money = {name: {"unit": "EUR", "value": value} for name, value in values.items()}
            paid = {"appliedAmount": {"unit": "EUR", "value": 100}, "payment": {"@type": "PaymentRef", "id": "p1"}}
            tax = {"@type": "TaxItem", "taxCategory": "VAT", "taxRate": 19, "taxAmount": {"unit": "EUR", "value": 19}}
            account = {"@type": "BillingAccountRef", "id": f"a{n}"}
            doc = money | {"state": "new", "appliedPayment": [paid], "taxItem": [tax], "billingAccount": account}
        elif kind.name == "appliedCustomerBillingRate":
            doc |= {"isBilled": True, "bill": {"@type": "CustomerBillRef", "id": "1"}, "date": "2026-06-01T00:00:00Z"}
        yield doc
