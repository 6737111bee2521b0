"""Faults of what is written and told: creations, changes, removals, subscriptions, tasks, sums."""

from __future__ import annotations

from copy import deepcopy
from itertools import count

from double import Asked, Double, Reply, error
from faults import _BALANCE, _BILL, _QUERY, _USAGE5, arranged, each, fault, headed, listed, made, one, without

from oxl.certify.documents import Json


@fault("a creation is a 200", "create.status")
def _not_201(_: Double, asked: Asked, reply: Reply) -> Reply:
    return reply._replace(status=200) if made(asked, reply) else reply


@fault("a creation has no Location", "create.location")
def _unlocated(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, Location=None) if made(asked, reply) else reply


@fault("Location is not the href", "create.location")
def _mislocated(_: Double, asked: Asked, reply: Reply) -> Reply:
    return headed(reply, Location="/elsewhere") if made(asked, reply) else reply


@fault("a creation answers without its state", "create.mandatory")
def _unfinished(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "status")) if made(asked, reply) else reply


@fault("what was sent does not come back", "create.echo")
def _forgetful(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "description")) if made(asked, reply) else reply


@fault("letters beyond ASCII are lost", "create.echo")
def _ascii(_: Double, asked: Asked, reply: Reply) -> Reply:
    def change(doc: Json) -> Json:
        return doc | {"description": doc.get("description", "").encode("ascii", "replace").decode()}

    return each(reply, change) if made(asked, reply) else reply


@fault("a creation answers with a document that does not fit", "create.schema")
def _misfit(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: doc | {"relatedParty": {"id": "1"}}) if made(asked, reply) else reply


@fault("what was created is not kept", "create.kept", "create.listed")
def _leaky(double: Double, asked: Asked, reply: Reply) -> Reply:
    if made(asked, reply):
        double.kept[asked.parts[0]].pop(reply.body["id"])
    return reply


@fault("what was created is read but not listed", "create.listed")
def _unlisted(_: Double, asked: Asked, reply: Reply) -> Reply:
    return (
        reply._replace(body=reply.body[:2], headers=reply.headers | {"X-Total-Count": "2"})
        if listed(asked, reply)
        else reply
    )


@arranged("two creations have one id", "create.distinct")
def _same_ids(double: Double) -> None:
    double.numbers = (1 for _ in count())  # type: ignore[assignment]


@fault("a POST to a path with a slash is a 404", "create.slash")
def _post_slash(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(404, "no such path") if asked.method == "POST" and asked.path.endswith("/") else reply


@fault("a broken body is a 500", "create.garbage")
def _parser(_: Double, asked: Asked, reply: Reply) -> Reply:
    return error(500, "JSONDecodeError") if asked.method == "POST" and asked.body is None else reply


@fault("an array is taken as a body", "create.garbage")
def _arrays(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(201, {"id": "x"}) if asked.method == "POST" and asked.body == [] else reply


@fault("a word outside an enum is taken", "create.values", api=_BALANCE)
def _enums(double: Double, asked: Asked, reply: Reply) -> Reply:
    taken = asked.method == "POST" and isinstance(asked.body, dict) and "noSuchValue" in asked.body.values()
    return Reply(201, asked.body | {"id": "x", "href": "x"}) if taken else reply


@fault("XML is taken for JSON", "create.media")
def _xml(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(201, {"id": "x"}) if reply.status == 415 else reply


@fault("a change is a 204", "patch.status")
def _patched_204(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(204) if asked.method == "PATCH" and reply.status == 200 else reply


@fault("a change is not kept", "patch.kept")
def _unchanged(double: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "PATCH" and reply.status == 200:
        double.kept = asked.before
    return reply


@fault("a change replaces the whole", "patch.others")
def _replaced(double: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "PATCH" and reply.status == 200:
        resource, resource_id = asked.parts
        doc = double.kept[resource][resource_id]
        kept = {name: doc[name] for name in (*double.kinds[resource].mandatory, *asked.body) if name in doc}
        double.kept[resource][resource_id] = kept
        return reply._replace(body=deepcopy(kept))
    return reply


@fault("a change may change the id", "patch.identity")
def _renamed(_: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "PATCH" and isinstance(asked.body, dict) and asked.body.get("id") == "another-id":
        return Reply(200, asked.body)
    return reply


@fault("a change of what is not there creates it", "patch.unknown")
def _upsert(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(200, asked.body) if asked.method == "PATCH" and reply.status == 404 else reply


@fault("a merge patch by its own media type is a 415", "patch.media", api=_USAGE5)
def _no_merge(_: Double, asked: Asked, reply: Reply) -> Reply:
    merge = "merge-patch" in asked.headers.get("content-type", "")
    return error(415, "application/json only") if asked.method == "PATCH" and merge else reply


@fault("a removal is a 200 with a body", "delete.status")
def _told_removal(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(200, {}) if asked.method == "DELETE" and reply.status == 204 and asked.parts[0] != "hub" else reply


@fault("what was removed is still there", "delete.gone", "delete.again")
def _undead(double: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "DELETE" and reply.status == 204:
        double.kept = asked.before
    return reply


@fault("a second removal is a 204", "delete.again", "delete.unknown")
def _idempotent(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(204) if asked.method == "DELETE" and reply.status == 404 and asked.parts[0] != "hub" else reply


@fault("a removal takes all others along", "delete.others")
def _flood(double: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "DELETE" and reply.status == 204 and asked.parts[0] != "hub":
        double.kept[asked.parts[0]].clear()
    return reply


@fault("a subscription is a 200", "hub.status")
def _hub_200(_: Double, asked: Asked, reply: Reply) -> Reply:
    return reply._replace(status=200) if asked.parts == ["hub"] and reply.status == 201 else reply


@fault("a subscription forgets its query", "hub.schema")
def _queryless(_: Double, asked: Asked, reply: Reply) -> Reply:
    return each(reply, lambda doc: without(doc, "query")) if asked.parts == ["hub"] and reply.status == 201 else reply


@fault("a subscription without a callback is taken", "hub.refused")
def _deaf(_: Double, asked: Asked, reply: Reply) -> Reply:
    return Reply(201, {"id": "x", "callback": ""}) if asked.parts == ["hub"] and reply.status == 400 else reply


@fault("a subscription cannot be removed", "hub.removed", "event.silent")
def _forever(double: Double, asked: Asked, reply: Reply) -> Reply:
    if asked.method == "DELETE" and asked.parts[0] == "hub" and reply.status == 204:
        double.hubs[asked.parts[1]] = {"callback": double.__dict__.get("last", "")}
        return error(500, "cannot remove")
    if asked.parts == ["hub"] and reply.status == 201:
        double.__dict__["last"] = reply.body["callback"]
    return reply


@arranged("the hub is dead: nothing is told", "event.comes")
def _dead_hub(double: Double) -> None:
    double.deliver = lambda *_: False


@arranged("events have no id", "event.envelope")
def _no_event_id(double: Double) -> None:
    double.envelope = lambda event: without(event, "eventId")


@arranged("events are called otherwise than in the document", "event.envelope")
def _other_name(double: Double) -> None:
    double.envelope = lambda event: event | {"eventType": event["eventType"].replace("Event", "Notification")}


@arranged("events carry the resource under another name", "event.payload")
def _other_key(double: Double) -> None:
    double.envelope = lambda event: event | {"event": {"resource": next(iter(event["event"].values()))}}


@arranged("all events have one id", "event.distinct")
def _one_event_id(double: Double) -> None:
    double.envelope = lambda event: event | {"eventId": "1"}


@arranged("queries of subscriptions are not heard", "event.query")
def _no_query(double: Double) -> None:
    double.deliver = lambda *_: True


@arranged("removals are not told", "event.removal")
def _quiet_removal(double: Double) -> None:
    wanted = double.deliver
    double.deliver = lambda hub, event: "Delete" not in event["eventType"] and wanted(hub, event)


@arranged("a task never ends", "task.ends", api=_QUERY)
def _endless(double: Double) -> None:
    double._go_on = lambda: None  # type: ignore[method-assign]


@fault("a task goes on after its end", "task.stays", api=_QUERY)
def _restless_task(double: Double, asked: Asked, reply: Reply) -> Reply:
    if one(asked, reply) and asked.parts[0] == "queryUsageConsumption" and reply.body.get("state") == "done":
        results = [{"@type": "UsageConsumptionReport", "id": f"{next(double.numbers)}", "href": "/r"}]
        return each(reply, lambda doc: doc | {"usageConsumption": results})
    return reply


@fault("the results of a task are an object", "task.results", "read.schema", api=_QUERY)
def _object_result(_: Double, asked: Asked, reply: Reply) -> Reply:
    if one(asked, reply) and "usageConsumption" in reply.body:
        return each(reply, lambda doc: doc | {"usageConsumption": {}})
    return reply


@arranged("a top-up does not reach its bucket", "sum.moved", api=_BALANCE)
def _no_top_up(double: Double) -> None:
    double._move = lambda *_: None  # type: ignore[method-assign]


@fault("a transfer arrives without a part of it", "sum.received", api=_BALANCE)
def _fee(double: Double, asked: Asked, reply: Reply) -> Reply:
    if made(asked, reply) and asked.parts[0] == "transferBalance":
        double.kept["bucket"][asked.body["receiverBucket"]["id"]]["remainingValue"]["amount"] -= 0.5
    return reply


@fault("an accumulated balance is not the sum of its buckets", "sum.accumulated", api=_BALANCE)
def _mistotalled(_: Double, asked: Asked, reply: Reply) -> Reply:
    wrong = {"totalBalance": {"amount": 7, "units": "EUR"}}
    return (
        each(reply, lambda doc: doc | wrong)
        if asked.parts[0] == "accumulatedBalance" and listed(asked, reply)
        else reply
    )


@arranged("the total of a bill is not net and tax", "sum.taxed", api=_BILL)
def _mistaxed(double: Double) -> None:
    for bill in double.kept["customerBill"].values():
        bill["taxIncludedAmount"]["value"] = 118


@arranged("what remains of a bill forgets what was paid", "sum.open", api=_BILL)
def _unpaid(double: Double) -> None:
    for bill in double.kept["customerBill"].values():
        bill["remainingAmount"]["value"] = 119


@arranged("a billed rate names no bill", "sum.billed", api=_BILL)
def _billless(double: Double) -> None:
    for rate in double.kept["appliedCustomerBillingRate"].values():
        rate.pop("bill")
