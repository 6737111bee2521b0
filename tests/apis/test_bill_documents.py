"""The documents of bills: made in the background, listed, fetched, the same bytes whenever they are made."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha256
from typing import Any

import httpx
import msgspec
import pypdfium2
import pytest
from tests.conftest import BILLING, BILLS, DEMO_CATALOG, OPERATOR, USAGE, client_of, usage_body
from tests.documents.einvoice import faults_of
from tests.engines.books import fetch, new_number
from tests.waiting import PATIENCE, until

from oxl.apis.billing import jobs as billing
from oxl.apis.customer_bill import jobs
from oxl.apis.customer_bill.documents import Making, make, make_all
from oxl.db.database import Tenant
from oxl.demo.billing import OPERATOR_POLICY
from oxl.engines.billing import documents, setup
from oxl.engines.billing.run import NewRun
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once

BRITAIN = "+447700900123"
CLAIMED = ("charge", "bill_fee", "bill_item", "bill_number", "bill_series", "payment", "bill_content")


def text_of(content: bytes) -> str:
    """The text of a PDF, all pages."""
    document = pypdfium2.PdfDocument(content)
    return "\n".join(document[n].get_textpage().get_text_range() for n in range(len(document))).replace("\xa0", " ")


async def whole_of(tenant: Tenant, table: str) -> list[str]:
    """All rows of a table as text, in order."""
    return sorted(row["row"] for row in await fetch(tenant, f"select t::text as row from {table} t"))


async def _policy(tenant: Tenant, **seller: str) -> None:
    policy = msgspec.structs.replace(
        OPERATOR_POLICY, seller=msgspec.structs.replace(OPERATOR_POLICY.seller, **seller), dunning=()
    )
    await once(tenant, lambda work: setup.set_policy(work, msgspec.json.encode(policy).decode()))


@pytest.fixture(scope="module")
async def billed(http: httpx.AsyncClient, tenant: Tenant) -> dict[str, Any]:
    """The bill of a customer who reads German, has an address and has called Britain."""
    await _policy(tenant)
    number = new_number()
    made = await http.post(f"{OPERATOR}/subscriber", json={
        "party": {
            "givenName": "Jörg", "familyName": "Łoś",
            "contactMedium": [{"@type": "GeographicAddressContactMedium", "street1": "Bahnhofstraße 7",
                               "city": "Köln", "postCode": "50667", "country": "DE"}],
            "languageAbility": [{"languageCode": "en"}, {"languageCode": "de", "isFavouriteLanguage": True}],
        },
        "logicalResource": {"value": number}, "productOffering": {"id": "postpaid-l"},
        "billingAccount": {"externalId": "doc-1", "billingDay": 15},
        "validFor": {"startDateTime": "2026-05-20T00:00:00+02:00"},
    })  # fmt: skip
    assert made.status_code == 201, made.text
    for day in ("02", "09"):
        body = usage_body("voice", number, f"2026-06-{day}T10:00:00Z", destinationPhoneNumber=BRITAIN, duration=600)
        assert (await http.post(USAGE, json=body)).json()["status"] == "rated"
    account = made.json()["billingAccount"]["id"]
    run = await billing.start(tenant, NewRun("offCycle", None, (account,)))
    await jobs.work_off(tenant, run)
    await billing.finish(tenant, run)
    (bill,) = (await http.get(f"{BILLS}/customerBill?billingAccount.id={account}")).json()
    assert "billDocument" not in bill
    return bill


async def test_documents_are_made_listed_and_fetched(http: httpx.AsyncClient, tenant: Tenant, billed: Any) -> None:
    drawn_early = (await http.get(f"{BILLS}/customerBill/{billed['id']}/pdf")).content
    assert await make_all(tenant) == 1
    assert await make_all(tenant) == 0
    bill = (await http.get(billed["href"])).json()
    listed = bill["billDocument"]
    assert [(each["mimeType"], each["name"]) for each in listed] == [
        ("application/pdf", f"{bill['billNo']}.pdf"), ("application/xml", f"{bill['billNo']}.xml")]  # fmt: skip
    for each in listed:
        answer = await http.get(each["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"] == each["mimeType"]
        assert len(answer.content) == each["size"]["amount"]
        digest = sha256(answer.content)
        assert each["id"] == digest.hexdigest()
        assert answer.headers["repr-digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
        asked = await http.head(each["url"])
        assert (asked.status_code, asked.content) == (200, b"")
        assert {**asked.headers} == {**answer.headers}
        assert (await http.post(each["url"], json={})).headers["allow"] == "GET, HEAD"
    pdf, xml = [(await http.get(each["url"])).content for each in listed]
    assert pdf == drawn_early
    text = text_of(pdf)
    for said in (bill["billNo"], "Jörg Łoś", "Bahnhofstraße 7", "50667 Köln", "Zwischenrechnung", "Aurora L",
                 "DE02 1203 0000 0000 2020 51", "USt. 19 %"):  # fmt: skip
        assert said in text, said
    due = f"{bill['amountDue']['value']:.2f}".replace(".", ",")
    assert due in text
    assert faults_of(xml) == []


async def test_documents_made_again_are_the_same_bytes(http: httpx.AsyncClient, tenant: Tenant, billed: Any) -> None:
    await make_all(tenant)
    before = await fetch(tenant, "select kind, hash from bill_document where bill_id = $1 order by kind", billed["id"])
    await _policy(tenant, name="Another name", street="Elsewhere 2")
    for statement in ("delete from bill_document", "delete from bill_content", "update bill set documents = 'due'"):
        await fetch(tenant, statement)
    assert await make_all(tenant)
    after = await fetch(tenant, "select kind, hash from bill_document where bill_id = $1 order by kind", billed["id"])
    assert after == before, "what they say was kept when they were first made"
    await _policy(tenant)
    await fetch(tenant, "delete from bill_document")
    await fetch(tenant, "delete from bill_facts")
    await fetch(tenant, "update bill set documents = 'due'")
    await make_all(tenant)
    again = await fetch(tenant, "select kind, hash from bill_document where bill_id = $1 order by kind", billed["id"])
    assert again == before, "and of the same bill they are the same from the ground up"


async def test_a_trial_is_drawn_as_a_preview_and_kept_nowhere(
    http: httpx.AsyncClient, tenant: Tenant, subscribe: Any
) -> None:
    line = await subscribe("postpaid-l")
    account = line["billingAccount"]["id"]
    body = usage_body("voice", line["logicalResource"]["value"], destinationPhoneNumber=BRITAIN, duration=90)
    assert (await http.post(USAGE, json=body)).json()["status"] == "rated"
    unbilled = f"{BILLS}/appliedCustomerBillingRate?isBilled=false&billingAccount.id={account}"
    before = (await http.get(unbilled)).json()
    assert len(before) == 1
    kept = [await whole_of(tenant, table) for table in CLAIMED]
    run = await billing.start(tenant, NewRun("trial", None, (account,)))
    await jobs.work_off(tenant, run)
    (trial,) = (await http.get(f"{BILLS}/customerBill?billingAccount.id={account}")).json()
    await make_all(tenant)
    answer = await http.get(f"{BILLS}/customerBill/{trial['id']}/pdf")
    assert "Vorschau" in text_of(answer.content)
    assert "So zahlen Sie" not in text_of(answer.content)
    assert (await http.get(unbilled)).json() == before
    assert [await whole_of(tenant, table) for table in CLAIMED] == kept
    assert (await http.get(f"{BILLS}/customerBill/{trial['id']}/ubl")).status_code == 404
    assert "billDocument" not in (await http.get(trial["href"])).json()


async def test_a_credit_note_and_a_copy_have_documents(http: httpx.AsyncClient, tenant: Tenant, billed: Any) -> None:
    for category in ("credit note", "duplicate"):
        body = {"category": category, "bill": {"id": billed["id"]}}
        assert (await http.post(f"{BILLING}/billReissue", json=body)).status_code == 201
    await jobs.make_demanded(tenant)
    await make_all(tenant)
    bills = (await http.get(f"{BILLS}/customerBill?billingAccount.id={billed['billingAccount']['id']}")).json()
    by_category = {each["category"]: each for each in bills}
    note, copy = (by_category[name] for name in ("credit note", "duplicate"))
    xml = (await http.get(f"{BILLS}/customerBill/{note['id']}/ubl")).content
    assert b"CreditNote" in xml
    assert billed["billNo"].encode() in xml
    assert faults_of(xml) == []
    assert "Gutschrift" in text_of((await http.get(f"{BILLS}/customerBill/{note['id']}/pdf")).content)
    assert "Kopie" in text_of((await http.get(f"{BILLS}/customerBill/{copy['id']}/pdf")).content)
    same = [(await http.get(f"{BILLS}/customerBill/{each['id']}/ubl")).headers["etag"] for each in (billed, copy)]
    assert same[0] == same[1], "one content, kept once"


async def test_what_is_not_there_is_told(http: httpx.AsyncClient) -> None:
    for what in ("none", "%00"):
        answer = await http.get(f"{BILLS}/customerBill/{what}/pdf")
        assert answer.status_code == 404
        assert answer.json()["code"] == "notFound"
        asked = await http.head(f"{BILLS}/customerBill/{what}/pdf")
        assert (asked.status_code, asked.content) == (404, b"")


async def test_a_bill_that_cannot_be_drawn_does_not_stop_the_others(
    tenant: Tenant, billed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fetch(tenant, "update bill set documents = 'due'")

    def broken(bill: str, _: Any) -> list[documents.Made]:
        if bill == billed["id"]:
            raise ValueError("no such thing")
        return [documents.Made(bill, "pdf", b"fine")]

    monkeypatch.setattr("oxl.apis.customer_bill.documents.drawn", broken)
    assert await once(tenant, make) > 1
    (row,) = await fetch(tenant, "select documents from bill where id = $1", billed["id"])
    assert row["documents"] == "failed"
    monkeypatch.undo()
    await once(tenant, documents.again)
    assert await make_all(tenant) == 1


async def test_nine_ninety_nine_stays_nine_ninety_nine_to_the_e_invoice(make_tenant: Any) -> None:
    tenant = await make_tenant()
    texts = read_texts(DEMO_CATALOG)
    plan = texts["plans/data-only.yaml"].replace("taxIncluded: false", "taxIncluded: true").replace('"16.80"', '"9.99"')
    plan = plan.replace("version: 1", "version: 2").replace("2026-01-01", "2026-05-01")
    await once(tenant, lambda work: registry.publish(work, texts | {"plans/data-only-2.yaml": plan}))
    await _policy(tenant)
    async with client_of(tenant) as http:
        made = await http.post(f"{OPERATOR}/subscriber", json={
            "party": {"givenName": "Nina", "familyName": "Neun"}, "productOffering": {"id": "data-only"},
            "logicalResource": {"value": new_number()}, "billingAccount": {"billingDay": 1},
            "validFor": {"startDateTime": "2026-06-01T00:00:00+02:00"}})  # fmt: skip
        run = await billing.start(tenant, NewRun("offCycle", None, (made.json()["billingAccount"]["id"],)))
        await jobs.work_off(tenant, run)
        (bill,) = (await http.get(f"{BILLS}/customerBill")).json()
        assert bill["amountDue"] == {"unit": "EUR", "value": 9.99}
        assert (bill["taxExcludedAmount"]["value"], bill["taxIncludedAmount"]["value"]) == (8.39, 9.98)
        xml = (await http.get(f"{bill['href']}/ubl")).content
        for told in ("TaxInclusiveAmount", "9.98"), ("PayableRoundingAmount", "0.01"), ("PayableAmount", "9.99"):
            assert f'<cbc:{told[0]} currencyID="EUR">{told[1]}<'.encode() in xml
        assert faults_of(xml) == []
        text = text_of((await http.get(f"{bill['href']}/pdf")).content)
        assert "9,99 €" in text
        assert "Enthält 19 % USt.: 1,59 € auf 8,39 €" in text


async def test_a_worker_makes_documents_until_it_is_told_to_stop(tenant: Tenant, billed: Any) -> None:
    await fetch(tenant, "update bill set documents = 'due' where id = $1", billed["id"])
    stop = asyncio.Event()
    making = asyncio.create_task(Making(tenant).run(stop))
    made = "select id from bill where id = $1 and documents = 'made'"
    await until(lambda: fetch(tenant, made, billed["id"]))
    stop.set()
    await asyncio.wait_for(making, PATIENCE)
