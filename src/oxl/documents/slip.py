"""What a bank needs to pay a bill: the text of the code that a banking application reads (EPC069-12, for euros)."""

from __future__ import annotations

from decimal import Decimal

from oxl.engines.billing.facts import Facts
from oxl.values import MICROS

_LEAST, _MOST = MICROS // 100, 999_999_999_990_000  # of a transfer that the code can hold
_NAME, _REFERENCE = 70, 140  # characters


def iban_is_right(iban: str) -> bool:
    """Whether an IBAN's check digits fit (ISO 13616)."""
    plain = iban.replace(" ", "").upper()
    if not plain.isalnum() or not plain.isascii() or not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def spaced(iban: str) -> str:
    """An IBAN in groups of four, as it is printed."""
    plain = iban.replace(" ", "")
    return " ".join(plain[n : n + 4] for n in range(0, len(plain), 4))


def code_of(facts: Facts) -> str | None:
    """The text of the payment code; None where nothing is to be paid, or not in euros, or to nobody that is known."""
    seller = facts.seller
    if facts.draft or facts.currency != "EUR" or not _LEAST <= facts.due <= _MOST or not iban_is_right(seller.iban):
        return None
    amount = f"EUR{Decimal(facts.due) / MICROS:.2f}"
    reference = (facts.number or "")[:_REFERENCE]
    return "\n".join(
        (
            "BCD",
            "002",
            "1",
            "SCT",
            seller.bic,
            seller.name[:_NAME],
            seller.iban.replace(" ", ""),
            amount,
            "",
            "",
            reference,
        )
    )
