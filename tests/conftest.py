"""Ground for every test that needs a database: one embedded PostgreSQL a session, a tenant for each module."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from oxl.apis import APIS
from oxl.apis.usage_consumption import live
from oxl.app import SQL_CODE
from oxl.contract.answers import Held, contracts
from oxl.contract.pages import documents, pages
from oxl.contract.strict import strictly
from oxl.db.database import Database, Tenant
from oxl.db.migrate import create_tenant, migrate
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.identity import jwks
from oxl.kernel import select
from oxl.kernel.background import once
from oxl.kernel.router import Kernel
from oxl.operations import watch
from oxl.outbox import callbacks
from oxl.settings import Settings
from tests.waiting import PATIENCE, until

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)  # where the clock of test tenants stands, unless a test moves it
DEMO_CATALOG = Path(registry.__file__).parents[2] / "demo" / "catalog"
USAGE = "/tmf-api/productUsageManagement/v5/productUsage"
BALANCE = "/tmf-api/prepayBalanceManagement/v4"
CONSUMPTION = "/tmf-api/usageConsumption/v5"
OPERATOR = "/oxl/v1"
BILLS = "/tmf-api/customerBillManagement/v5"
BILLING = "/oxl/billing/v1"
END = "select pg_terminate_backend(pid, 60000) from pg_stat_activity where usename = $1"  # and wait for it

LONG = ("scenarios", "certify", "torture", "conformance", "console")  # folders of tests that run for long

LIMITS: tuple[tuple[Any, str], ...] = (
    (select, "TIME_LIMIT"),
    (callbacks, "LOOKUP_SECONDS"),
    (watch, "PROBE_SECONDS"),
    (jwks, "_SECONDS"),
    (live, "_FIRST"),
)
_numbers = count(1)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored in the background

# Examples are the same each time, and no example is timed: a run says what the code is like, not the machine or the
# day. EXPLORE=1 looks for examples that were never tried.
hypothesis.settings.register_profile("steady", derandomize=not os.environ.get("EXPLORE"), deadline=None,
                                     suppress_health_check=[hypothesis.HealthCheck.too_slow])  # fmt: skip
hypothesis.settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs for long comes first, so that at the end nobody waits for one long file of another."""
    folders = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: folders.get(item.path.relative_to(Path(__file__).parent).parts[0], len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def unhurried() -> Iterator[None]:
    """What may take some seconds may take as long as this machine needs; where that is tested, the test sets it."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in LIMITS:
            patch.setattr(module, name, PATIENCE)
        yield


@pytest.fixture(scope="session")
async def database() -> AsyncIterator[Database]:
    """The session's database, migrated; it stops soon after the session."""
    folder = Path(tempfile.mkdtemp(prefix="oxl-test-"))
    folder.chmod(0o711)  # the server runs as another user when we are root
    os.environ["OXL_LINGER"] = "0.5"
    os.environ["OXL_VALIDATE_RESPONSES"] = "1"  # for the servers that tests start
    opened = await Database.open(Settings(data=folder / "data"))
    await migrate(opened, SQL_CODE)
    yield opened
    postmaster = opened.lease.pid if opened.lease else 0
    await opened.close()
    await until(lambda: not Path(f"/proc/{postmaster}").exists())
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def make_tenant(database: Database) -> Callable[[], Any]:
    """A function that makes a tenant with the demo catalog and a clock that stands at NOON."""

    async def make() -> Tenant:
        name = f"t{next(_numbers)}"
        await create_tenant(database, name, SQL_CODE)
        tenant = await database.tenant(name)
        tenant.clock.frozen = NOON
        await once(tenant, lambda work: registry.publish(work, read_texts(DEMO_CATALOG)))
        return tenant

    return make


@pytest.fixture(scope="module")
async def tenant(make_tenant: Callable[[], Any]) -> Tenant:
    """The module's own tenant."""
    return await make_tenant()


def app_of(tenant: Tenant, strict: str = "", public: str = "") -> Held:
    """The APIs of a tenant as an application; `strict` names those that are, `public` begins hrefs."""
    apis = strictly(APIS, strict)
    published = documents(apis, public)
    beside = pages(apis, published, public)
    return Held(Kernel(apis, tenant, public, 1000, 1 << 20, pages=beside), contracts(published), beside)


def client_of(tenant: Tenant, strict: str = "", public: str = "") -> httpx.AsyncClient:
    """An HTTP client of the APIs of a tenant, in this process."""
    held = app_of(tenant, strict, public)
    return httpx.AsyncClient(transport=httpx.ASGITransport(held), base_url="http://oxl.example")


@pytest.fixture(scope="module")
async def http(tenant: Tenant) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the module's tenant."""
    async with client_of(tenant) as client:
        yield client


@pytest.fixture(scope="module")
def subscribe(http: httpx.AsyncClient) -> Callable[..., Any]:
    """A function that provisions a subscriber on an offering and gives its document."""

    async def make(offering: str = "prepaid-m", **more: Any) -> dict[str, Any]:
        body = {
            "party": {"givenName": "Ada", "familyName": "Test"},
            "logicalResource": {"value": f"49155501{next(_numbers):05d}"},
            "productOffering": {"id": offering},
            "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
        } | more
        answer = await http.post(f"{OPERATOR}/subscriber", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


async def cut_off(database: Database, tenant: Tenant) -> None:
    """End every connection of a tenant from the server's side, and wait until this process has heard of it."""
    async with database.owner() as conn:
        await conn.execute(END, tenant._connect["user"])
    await until(lambda: all(conn.is_closed() for conn in tenant._free))


def usage_body(service: str, number: str, /, start: str = "2026-06-15T10:00:00Z", **values: Any) -> dict[str, Any]:
    """A ProductUsage body of a kind of usage, its characteristics by name."""
    characteristics = {"originatingPhoneNumber": f"+{number}", "startDateTime": start} | values
    return {
        "@type": "ProductUsage",
        "usageType": service,
        "usageSpecification": {"@type": "ProductUsageSpecificationRef", "id": service},
        "usageCharacteristic": [
            {"@type": f"{'String' if isinstance(value, str) else 'Number'}Characteristic", "name": name, "value": value}
            for name, value in characteristics.items()
        ],
    }
