"""Who did what is written with it, sealed by a chain, read by operators alone, and holds no secrets."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from tests.conftest import BALANCE, CONSUMPTION
from tests.identity.conftest import Ground, client, new_key, party, sealed

from oxl.db.database import Database
from oxl.identity import keys
from oxl.identity.gate import Gate
from oxl.kernel.background import once
from oxl.operations import audit
from oxl.outbox.audit import Entry, note

RECORDS = "/oxl/v1/auditRecord"


@pytest.fixture(scope="module")
async def operator(gate: Gate, alpha: Ground) -> Any:
    async with client(gate, credential=await new_key(alpha.tenant)) as http:
        yield http


async def written(http: Any, **query: str) -> list[tuple[str, str]]:
    answer = await http.get(RECORDS, params=query)
    assert answer.status_code == 200, answer.text
    return [(each["operation"], each["outcome"]) for each in answer.json()]


async def test_what_was_done_and_refused_is_written_by_who_did_it(gate: Gate, alpha: Ground, operator: Any) -> None:
    key = await new_key(alpha.tenant, "partner")
    caller = f"key:{keys.read(key).id}"  # pyright: ignore[reportOptionalMemberAccess]
    account = alpha.ada["billingAccount"]["id"]
    main = (await operator.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]["id"]
    async with client(gate, credential=key) as http:
        body = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main}}
        made = (await http.post(f"{BALANCE}/topupBalance", json=body)).json()
        note = await http.patch(f"{BALANCE}/topupBalance/{made['id']}", json={"description": "x"})
        assert note.status_code == 200, note.text
        much = body | {"amount": {"amount": 9000, "units": "EUR"}}
        assert (await http.post(f"{BALANCE}/reserveBalance", json=much)).status_code == 409
        assert (await http.post(f"{BALANCE}/adjustBalance", json=body)).status_code == 403
        hub = await http.post(f"{BALANCE}/hub", json={"callback": "https://listener.example/a"})
        assert hub.status_code == 201, hub.text
        assert (await http.delete(f"{BALANCE}/hub/{hub.json()['id']}")).status_code == 204
        assert (await http.get(RECORDS)).status_code == 403
    found = await written(operator, caller=caller)
    assert set(found) >= {
        ("TMF654.topupBalance:create", "done"), ("TMF654.topupBalance:patch", "done"),
        ("TMF654.reserveBalance:create", "insufficientBalance"), ("TMF654.adjustBalance:create", "notAllowed"),
        ("TMF654.hub:hub", "done"),
    }  # fmt: skip
    assert len([each for each in found if each[0].endswith("hub")]) == 2
    assert (await written(operator, resourceId=made["id"]))[0][1] == "done"


async def test_an_attempt_on_what_is_anothers_is_written_though_nothing_else_is(
    gate: Gate, alpha: Ground, operator: Any
) -> None:
    key = await new_key(alpha.tenant, "subscriber", party(alpha.ada))
    body = {"searchCriteria": {"relatedParty": [{"id": party(alpha.bob)}]}}
    async with client(gate, credential=key) as http:
        assert (await http.post(f"{CONSUMPTION}/queryUsageConsumption", json=body)).status_code == 403
    caller = f"key:{keys.read(key).id}"  # pyright: ignore[reportOptionalMemberAccess]
    assert await written(operator, caller=caller) == [("TMF677.queryUsageConsumption:create", "403")]


async def test_the_role_of_the_tenant_can_add_and_change_nothing(alpha: Ground) -> None:
    async with alpha.tenant.connection() as conn:
        for table in ("audit", "audit_link"):
            for statement in (f"delete from {table}", f"truncate {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await conn.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("update audit set caller = 'nobody'")


async def test_who_changes_removes_or_reorders_breaks_the_chain(
    gate: Gate, alpha: Ground, operator: Any, database: Database
) -> None:
    for n in range(5):
        answer = await operator.post(f"{BALANCE}/hub", json={"callback": f"https://listener.example/{n}"})
        assert answer.status_code == 201
    assert await sealed(alpha.tenant) >= 5
    async with alpha.tenant.connection() as conn:
        whole = await audit.walk(conn)
    assert whole.broken is None
    harms = {
        "update audit set caller = 'nobody' where id = (select audit_id from audit_link where number = 3)": 3,
        "delete from audit where id = (select audit_id from audit_link where number = 2)": 2,
        "delete from audit_link where number = 4": 4,
        "update audit_link set audit_id = case number when 1 then 'x' else audit_id end": 1,
        "update audit_link set hash = sha256(hash) where number = 5": 5,
    }
    for harm, number in harms.items():
        async with database.owner() as conn:
            await conn.execute(f"set search_path = {alpha.tenant.path}")
            change = conn.transaction()
            await change.start()
            await conn.execute(harm)
            found = await audit.walk(conn)
            await change.rollback()
        assert found.broken == number, harm
    async with alpha.tenant.connection() as conn:
        assert await audit.walk(conn) == whole


async def test_an_entry_of_an_open_transaction_is_waited_for(alpha: Ground, database: Database) -> None:

    async with database.owner() as late, alpha.tenant.connection() as conn:
        await late.execute(f"set search_path = {alpha.tenant.path}")
        change = late.transaction()
        await change.start()
        await note(late, [Entry("late", "x:read", "", "done")])
        await note(conn, [Entry("early", "x:read", "", "done")])
        await once(alpha.tenant, audit.seal)
        await change.commit()
        await sealed(alpha.tenant)
        found = await audit.walk(conn)
        assert found.broken is None
        order = await conn.fetch(
            "select caller from audit_link l join audit a on a.id = l.audit_id where caller in ('late', 'early')"
            " order by number"
        )
        assert [row["caller"] for row in order] == ["late", "early"]
