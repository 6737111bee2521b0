"""The document that a machine reads: EN 16931 in the syntax of UBL 2.1, an Invoice or a CreditNote.

EN 16931 knows no balance carried over: what is owed from earlier bills is told in a note, since those have invoices of
their own; what was paid ahead is the prepaid amount. What is not subject to tax is told as exempt, as the standard
allows the former on no invoice that has taxed lines as well. What an account need not pay tax on is exempt or reverse
charge, with the reason that its exemption gives.
"""

from __future__ import annotations

from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from oxl.documents.words import words_for
from oxl.engines.billing.facts import Facts, Line
from oxl.engines.billing.sums import digits_of
from oxl.values import MICROS

PROFILE = "urn:cen.eu:en16931:2017"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CAC, _CBC = f"{_UBL}CommonAggregateComponents-2", f"{_UBL}CommonBasicComponents-2"
_UNITS = {"second": "SEC", "byte": "AD", "tv-minute": "MIN", "day": "DAY"}  # UN/ECE Recommendation 20; else pieces
_PIECE, _TRANSFER, _UNDEFINED = "C62", "58", "1"
_REVERSED = "VATEX-EU-AE"
register_namespace("cac", _CAC)
register_namespace("cbc", _CBC)
register_namespace("invoice", f"{_UBL}Invoice-2")
register_namespace("credit", f"{_UBL}CreditNote-2")


def can_be_told(facts: Facts) -> bool:
    """Whether the standard can say this bill: issued, by a seller with a tax number, with at most two decimals."""
    return not facts.draft and bool(facts.seller.tax_number) and digits_of(facts.currency) <= 2 and bool(facts.lines)


def ubl_of(facts: Facts) -> bytes:
    """The e-invoice of a bill that `can_be_told`; the same facts give the same bytes."""
    credit = facts.category == "credit note"
    kind, sign = ("CreditNote", -1) if credit else ("Invoice", 1)
    root = Element(f"{{{_UBL}{kind}-2}}{kind}")
    _basic(root, "CustomizationID", PROFILE)
    _basic(root, "ID", facts.number or "")
    _basic(root, "IssueDate", facts.issued.isoformat())
    if not credit:
        _basic(root, "DueDate", facts.due_day.isoformat())
    _basic(root, f"{kind}TypeCode", "381" if credit else "380")
    if facts.carried > 0 and not credit:
        words = words_for(facts)
        owed, due = (words.money(each, facts.currency) for each in (facts.carried, facts.due))
        _basic(root, "Note", f"{words('Owed from earlier bills')}: {owed}. {words('Amount due')}: {due}.")
    _basic(root, "DocumentCurrencyCode", facts.currency)
    _basic(root, "BuyerReference", facts.buyer.account)
    _period(root, facts.first, facts.last)
    if facts.of_number:
        reference = _part(_part(root, "BillingReference"), "InvoiceDocumentReference")
        _basic(reference, "ID", facts.of_number)
    _seller(root, facts)
    _buyer(root, facts)
    _payment(root, facts)
    _taxes(root, facts, sign)
    _totals(root, facts, sign)
    for n, line in enumerate(facts.lines, 1):
        _line(root, facts, line, n, sign, kind)
    return tostring(root, "utf-8", xml_declaration=True) + b"\n"


def _part(parent: Element, name: str) -> Element:
    return SubElement(parent, f"{{{_CAC}}}{name}")


def _basic(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, f"{{{_CBC}}}{name}", attributes).text = text


def _money(parent: Element, name: str, micros: int, facts: Facts) -> None:
    value = f"{Decimal(micros) / MICROS:.{digits_of(facts.currency)}f}"
    _basic(parent, name, value, currencyID=facts.currency)


def _period(parent: Element, first: object, last: object) -> None:
    period = _part(parent, "InvoicePeriod")
    _basic(period, "StartDate", str(first))
    _basic(period, "EndDate", str(last))


def _address(party: Element, street: str, city: str, postal_code: str, country: str) -> None:
    address = _part(party, "PostalAddress")
    for name, text in (("StreetName", street), ("CityName", city), ("PostalZone", postal_code)):
        if text:
            _basic(address, name, text)
    _basic(_part(address, "Country"), "IdentificationCode", country)


def _seller(root: Element, facts: Facts) -> None:
    seller = facts.seller
    party = _part(_part(root, "AccountingSupplierParty"), "Party")
    _address(party, seller.street, seller.city, seller.postal_code, seller.country)
    scheme = _part(party, "PartyTaxScheme")
    _basic(scheme, "CompanyID", seller.tax_number)
    _basic(_part(scheme, "TaxScheme"), "ID", "VAT" if seller.tax_number[:2].isalpha() else "FC")
    entity = _part(party, "PartyLegalEntity")
    _basic(entity, "RegistrationName", seller.name)
    if seller.register:
        _basic(entity, "CompanyID", seller.register)
    reached = [("Telephone", seller.phone), ("ElectronicMail", seller.email)]
    if any(text for _, text in reached):
        contact = _part(party, "Contact")
        for name, text in reached:
            if text:
                _basic(contact, name, text)


def _buyer(root: Element, facts: Facts) -> None:
    buyer = facts.buyer
    party = _part(_part(root, "AccountingCustomerParty"), "Party")
    _basic(_part(party, "PartyIdentification"), "ID", buyer.account)
    _address(party, buyer.street, buyer.city, buyer.postal_code, buyer.country)
    number = next((each.tax_number for each in facts.exemptions if each.tax_number), "")
    if number:
        scheme = _part(party, "PartyTaxScheme")
        _basic(scheme, "CompanyID", number)
        _basic(_part(scheme, "TaxScheme"), "ID", "VAT")
    _basic(_part(party, "PartyLegalEntity"), "RegistrationName", buyer.name or buyer.account)


def _payment(root: Element, facts: Facts) -> None:
    seller = facts.seller
    means = _part(root, "PaymentMeans")
    _basic(means, "PaymentMeansCode", _TRANSFER if seller.iban else _UNDEFINED)
    _basic(means, "PaymentID", facts.number or "")
    if seller.iban:
        account = _part(means, "PayeeFinancialAccount")
        _basic(account, "ID", seller.iban.replace(" ", ""))
        _basic(account, "Name", seller.name)
        if seller.bic:
            _basic(_part(account, "FinancialInstitutionBranch"), "ID", seller.bic)


def _category(category: str, rate: int) -> str:
    return "S" if rate else category if category in ("Z", "AE") else "E"


def _why_untaxed(told: Element, facts: Facts, category: str) -> None:
    """The reason that the standard asks for where something is exempt, or the charge reversed."""
    mine = [each for each in facts.exemptions if each.category == category]
    others = category == "E" and any(not t.rate and t.category not in ("E", "AE", "Z") for t in facts.taxes)
    words = words_for(facts)
    reasons = [words("Reverse charge: the customer owes the VAT")] if category == "AE" else []
    reasons += [each.reason for each in mine] + [words("Not subject to VAT")] * (others or not (mine or reasons))
    codes = [each.reason_code for each in mine if each.reason_code]
    if category == "AE" or (codes and not others):
        _basic(told, "TaxExemptionReasonCode", codes[0] if codes else _REVERSED)
    _basic(told, "TaxExemptionReason", "; ".join(reasons))


def _percent(rate: int) -> str:
    return f"{Decimal(rate) / 10_000:.4f}".rstrip("0").rstrip(".")


def _taxes(root: Element, facts: Facts, sign: int) -> None:
    """The tax table by the standard's categories: several of the operator's may be one of them."""
    total = _part(root, "TaxTotal")
    _money(total, "TaxAmount", sign * facts.tax, facts)
    table: dict[tuple[str, int], tuple[int, int]] = {}
    for tax in facts.taxes:
        key = (_category(tax.category, tax.rate), tax.rate)
        base, amount = table.get(key, (0, 0))
        table[key] = (base + tax.base, amount + tax.tax)
    for (category, rate), (base, amount) in table.items():
        part = _part(total, "TaxSubtotal")
        _money(part, "TaxableAmount", sign * base, facts)
        _money(part, "TaxAmount", sign * amount, facts)
        told = _part(part, "TaxCategory")
        _basic(told, "ID", category)
        _basic(told, "Percent", _percent(rate))
        if category in ("E", "AE"):
            _why_untaxed(told, facts, category)
        _basic(_part(told, "TaxScheme"), "ID", "VAT")


def _totals(root: Element, facts: Facts, sign: int) -> None:
    net, whole, rounding = (sign * each for each in (facts.net, facts.net + facts.tax, facts.rounding))
    prepaid = max(0, min(-facts.carried, facts.owed)) if sign > 0 else 0
    totals = _part(root, "LegalMonetaryTotal")
    _money(totals, "LineExtensionAmount", net, facts)
    _money(totals, "TaxExclusiveAmount", net, facts)
    _money(totals, "TaxInclusiveAmount", whole, facts)
    if prepaid:
        _money(totals, "PrepaidAmount", prepaid, facts)
    if rounding:
        _money(totals, "PayableRoundingAmount", rounding, facts)
    _money(totals, "PayableAmount", whole + rounding - prepaid, facts)


def _line(root: Element, facts: Facts, line: Line, n: int, sign: int, kind: str) -> None:
    """A line. Its price is for the whole quantity, so that price and quantity come to the amount exactly."""
    net = sign * line.net
    unit, quantity = _PIECE, 1
    if line.unit in _UNITS and line.quantity:
        unit, quantity = _UNITS[line.unit], abs(line.quantity)
    elif line.unit and line.quantity and not line.of_days:
        quantity = abs(line.quantity)
    part = _part(root, f"{kind}Line")
    _basic(part, "ID", str(n))
    name = "InvoicedQuantity" if kind == "Invoice" else "CreditedQuantity"
    _basic(part, name, str(quantity if net >= 0 else -quantity), unitCode=unit)
    _money(part, "LineExtensionAmount", net, facts)
    _period(part, line.first, line.last)
    item = _part(part, "Item")
    if line.product:
        _basic(item, "Description", facts.products[line.product - 1].number)
    _basic(item, "Name", line.name)
    told = _part(item, "ClassifiedTaxCategory")
    _basic(told, "ID", _category(line.tax_category, line.tax_rate))
    _basic(told, "Percent", _percent(line.tax_rate))
    _basic(_part(told, "TaxScheme"), "ID", "VAT")
    price = _part(part, "Price")
    _money(price, "PriceAmount", abs(net), facts)
    if quantity != 1:
        _basic(price, "BaseQuantity", str(quantity), unitCode=unit)
