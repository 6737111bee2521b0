"""Brokers that carry events on, for delivery: NATS JetStream and Kafka. The outbox stays the record of what happened.

A broker is told as a listener is: one event of a resource after the other, again until it has acknowledged, with the
same id. The message is the TM Forum event as listeners get it; its headers are the CloudEvents envelope (binary mode),
and its key is the resource. Each broker's client library is an extra: pip install oxl[nats] or oxl[kafka].
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, quote, urlsplit

from oxl.outbox.outbox import Event
from oxl.values import instant_text

log = logging.getLogger("oxl.brokers")
_SECONDS = 5.0  # that a broker has to acknowledge
_DUPLICATES = 120.0  # seconds for which JetStream knows an id again
_TOO_LARGE = 413


class Message(NamedTuple):
    """One event as a broker gets it. `path`: tenant, API, type of event; `key`: the resource it is about."""

    id: str
    path: tuple[str, str, str]
    key: str
    envelope: dict[str, str]
    body: bytes


class Broker(Protocol):
    """Where messages go. `address`: what names it, without a password."""

    address: str

    async def tell(self, message: Message) -> tuple[int, str]:
        """200 once it is acknowledged; 413 where it never can be; 0 and why, where nobody knows."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


def message_of(tenant: str, api: str, event: Event, body: bytes) -> Message:
    """An event with its CloudEvents envelope; `subject` and `partitionkey` name the resource."""
    key = f"{event.resource}/{event.resource_id}"
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/oxl/{tenant}/{api}",
        "type": event.event_type,
        "subject": quote(key),
        "time": instant_text(event.at),
        "partitionkey": quote(key),
    }
    return Message(event.id, (tenant, api, event.event_type), key, envelope, body)


class _Address(NamedTuple):
    """`nats://a:4222,b:4222/OXL?replicas=3` in its parts."""

    scheme: str
    user: str
    servers: list[str]
    name: str
    options: dict[str, str]

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{','.join(self.servers)}/{self.name}"


def _address(url: str) -> _Address:
    parts = urlsplit(url)
    user, _, servers = parts.netloc.rpartition("@")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not servers or not all(servers.split(",")):
        raise ValueError(f"setting broker: {parts.scheme}://… names no server")
    return _Address(parts.scheme, user, servers.split(","), parts.path.strip("/") or "oxl", options)


class Nats:
    """A JetStream stream, made when it is not there. Subjects: name.tenant.api.EventType; message id: the event's.

    Options of the address: replicas (of a stream that is made; 1).
    """

    def __init__(self, address: _Address) -> None:
        self.address = address.shown
        self._at = address
        self._stream: Any = None
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._stream is None:
                self._stream = await asyncio.wait_for(self._connect(), _SECONDS)
        return self._stream

    async def _connect(self) -> Any:
        import nats  # an extra: only who uses it needs it
        from nats.js.api import StreamConfig
        from nats.js.errors import NotFoundError

        before = f"{self._at.user}@" if self._at.user else ""
        if self._client is None:
            self._client = await nats.connect(
                [f"nats://{before}{server}" for server in self._at.servers],
                connect_timeout=2,
                reconnect_time_wait=0.2,
                max_reconnect_attempts=-1,
                error_cb=_warn,
            )
        stream, name = self._client.jetstream(timeout=_SECONDS), self._at.name
        try:
            await stream.stream_info(name)
        except NotFoundError:
            replicas = int(self._at.options.get("replicas", "1"))
            await stream.add_stream(
                StreamConfig(name, subjects=[f"{name}.>"], num_replicas=replicas, duplicate_window=_DUPLICATES)
            )
        return stream

    async def tell(self, message: Message) -> tuple[int, str]:
        """Publish one message and wait for the stream's acknowledgement."""
        import nats.errors as errors

        headers = {f"ce-{name}": value for name, value in message.envelope.items()}
        headers |= {"Nats-Msg-Id": message.id, "Content-Type": "application/json"}
        subject = ".".join((self._at.name, *message.path))
        try:
            stream = await self._connected()
            await stream.publish(subject, message.body, timeout=_SECONDS, headers=headers)
        except errors.MaxPayloadError:
            return _TOO_LARGE, "NATS: larger than the server takes"
        except (errors.Error, OSError, TimeoutError) as error:
            return 0, f"NATS: {type(error).__name__}: {error}"[:200]
        return 200, ""

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()


async def _warn(error: Exception) -> None:
    log.warning("NATS: %s", error)


class Kafka:
    """Topics name.tenant.api, keyed by resource; acks=all and an idempotent producer keep a partition's order."""

    def __init__(self, address: _Address) -> None:
        from confluent_kafka import Producer  # an extra: only who uses it needs it

        self.address = address.shown
        self._name = address.name
        user, _, password = address.user.partition(":")
        login = {"sasl.mechanism": "PLAIN", "security.protocol": "SASL_SSL", "sasl.username": user,
                 "sasl.password": password}  # fmt: skip
        self._producer = Producer(
            {
                "bootstrap.servers": ",".join(address.servers),
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": int(_SECONDS * 1000),
                "linger.ms": 1,
                "logger": log,
            }
            | (login if user else {})
        )
        self._open = 0
        self._polling: asyncio.Task[None] | None = None

    async def tell(self, message: Message) -> tuple[int, str]:
        """Produce one message and wait for its delivery report."""
        from confluent_kafka import KafkaError, KafkaException

        loop = asyncio.get_running_loop()
        reported: asyncio.Future[Any] = loop.create_future()

        def report(error: Any, _message: Any) -> None:
            loop.call_soon_threadsafe(lambda: reported.done() or reported.set_result(error))

        headers: list[tuple[str, str | bytes | None]] = [
            (f"ce_{name}", value.encode()) for name, value in message.envelope.items()
        ]
        headers.append(("content-type", b"application/json"))
        tenant, api, _ = message.path
        try:
            self._producer.produce(
                f"{self._name}.{tenant}.{api}", message.body, message.key, headers=headers, on_delivery=report
            )
        except (BufferError, KafkaException) as error:
            return 0, f"Kafka: {error}"[:200]
        self._open += 1
        if self._polling is None:
            self._polling = loop.create_task(self._poll())
        try:
            error = await reported
        finally:
            self._open -= 1
        if error is None:
            return 200, ""
        status = _TOO_LARGE if error.code() == KafkaError.MSG_SIZE_TOO_LARGE else 0
        return status, f"Kafka: {error.str()}"[:200]

    async def _poll(self) -> None:
        """Serve delivery reports for as long as one is waited for."""
        while self._open:
            await asyncio.to_thread(self._producer.poll, 0.05)
        self._polling = None

    async def close(self) -> None:
        """Wait for what is on its way."""
        await asyncio.to_thread(self._producer.flush, _SECONDS)


_KINDS: dict[str, Callable[[_Address], Broker]] = {"nats": Nats, "kafka": Kafka}


def broker_of(url: str) -> Broker | None:
    """The broker that a setting names, not yet connected; None where it names none. ValueError says what is wrong."""
    if not url:
        return None
    address = _address(url)
    if address.scheme not in _KINDS:
        raise ValueError(f"setting broker: {address.scheme!r} is neither {' nor '.join(_KINDS)}")
    try:
        return _KINDS[address.scheme](address)
    except ImportError:
        raise ValueError(f"setting broker: needs pip install 'oxl[{address.scheme}]'") from None
