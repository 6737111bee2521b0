"""What an operator does about selling: offerings made and retired, recommendations accepted, consent kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from oxl.apis.operator import model
from oxl.apis.standard import instant_in
from oxl.engines.catalog.registry import keep_offerings
from oxl.engines.recommendation.accept import Acceptance, accept
from oxl.engines.recommendation.learn import set_consent
from oxl.kernel.declare import Change, Field, Resource
from oxl.values import instant_text
from oxl.verbs import Done, Refused, Work, each_read, invalid

_BODY = msgspec.json.Encoder(decimal_format="number")
_REFERENCES = ("category", "channel", "place", "marketSegment", "bundledProductOffering")  # lists of them
_PLAIN = ("name", "description", "lifecycleStatus", "isBundle", "deviceCount", "repeatable", "minimumAge", "margin")
_SINGLE = (("pricePlan", "plan"), ("productSpecification", "productSpecification"))


# ── offerings ──


def offering_of(offering_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """The values of an offering's catalog file, in the words of TMF620 that the file takes; Refusal names a fault."""
    found: dict[str, Any] = {"id": offering_id}
    found |= {name: str(body[name]) if name == "margin" else body[name] for name in _PLAIN if body.get(name, "") != ""}
    for name in _REFERENCES:
        if body.get(name):
            found[name] = [each["id"] for each in body[name]]
    found |= {name: body[attribute]["id"] for attribute, name in _SINGLE if attribute in body}
    period = {name: instant_in(body, "validFor", name) for name in ("startDateTime", "endDateTime")}
    if any(period.values()):
        found["validFor"] = {name: instant_text(at) for name, at in period.items() if at}
    relations = body.get("productOfferingRelationship", ())
    if relations:
        found["productOfferingRelationship"] = [
            {"relationshipType": each["relationshipType"], "id": each["id"]} for each in relations
        ]
    return found


async def create_offering(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /productOffering: part of the catalog at once. Its id is the externalId, else made of the name."""
    made = []
    for body in bodies:
        name = body.get("externalId") or re.sub(r"[^a-z0-9]+", "-", body["name"].lower()).strip("-")[:64] or "offering"
        made.append(offering_of(name, body))
    return await keep_offerings(work, made, new=True)


async def patch_offering(work: Work, changes: Sequence[Change]) -> list[Done | Refused]:
    """PATCH /productOffering/{id}: from now on; what was sold stays as it was sold."""
    return await keep_offerings(work, [offering_of(each.id, each.after) for each in changes], new=False)


# ── recommendations ──


def acceptance_of(body: dict[str, Any]) -> Acceptance:
    """The item that a body accepts; Refusal when its id is none of an item."""
    query, _, rank = body["recommendationItem"]["id"].rpartition(".")
    if not query or not re.fullmatch(r"[1-9][0-9]?", rank, re.ASCII):
        raise invalid("recommendationItem.id", "no such item was recommended", "unknownRecommendation")
    return Acceptance(query, int(rank), _BODY.encode(body).decode())


async def create_acceptance(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /recommendationAcceptance: the recommended product is ordered, activated, granted and charged."""
    return await each_read(work, bodies, acceptance_of, accept)


async def create_consent(work: Work, bodies: Sequence[dict[str, Any]]) -> list[Done | Refused]:
    """POST /recommendationConsent: the last word of a party holds."""
    return await set_consent(work, [(body["relatedParty"]["id"], body["consent"] == "denied") for body in bodies])


SELLING = (
    Resource(
        name="productOffering",
        type="ProductOffering",
        shape=model.ProductOffering,
        view="operator_offering",
        computed=("isSellable",),
        askable={"name": Field("name"), "lifecycleStatus": Field("status")},
        create=create_offering,
        required=("name", "productSpecification"),
        server_set=("isSellable",),
        patch=patch_offering,
        immutable=("externalId",),
        state="lifecycleStatus",
        events={
            "create": "ProductOfferingCreateEvent",
            "attributeValueChange": "ProductOfferingAttributeValueChangeEvent",
            "stateChange": "ProductOfferingStateChangeEvent",
        },
        summary="Make an offering; launch, change and retire it by PATCH. What was sold keeps its price",
    ),
    Resource(
        name="recommendationAcceptance",
        type="RecommendationAcceptance",
        shape=model.RecommendationAcceptance,
        view="operator_acceptance",
        askable={
            "recommendationItem.id": Field("id"),
            "productOffering.id": Field("offering_id"),
            "product.id": Field("product_id"),
            "relatedParty.id": Field("party_id"),
            "acceptanceDate": Field("at", "instant"),
        },
        create=create_acceptance,
        required=("recommendationItem",),
        server_set=("productOffering", "product", "relatedParty", "acceptanceDate"),
        events={"create": "RecommendationAcceptanceCreateEvent"},
        summary="Accept a recommended item in one step: charged, activated and granted exactly once",
    ),
    Resource(
        name="recommendationConsent",
        type="RecommendationConsent",
        shape=model.RecommendationConsent,
        view="operator_consent",
        askable={"relatedParty.id": Field("id"), "consent": Field("consent")},
        create=create_consent,
        required=("relatedParty", "consent"),
        server_set=("lastUpdate",),
        events={"create": "RecommendationConsentCreateEvent"},
        summary="Say whether a party wants recommendations; the last word holds",
    ),
    Resource(
        name="recommendationModel",
        type="RecommendationModel",
        shape=model.RecommendationModel,
        view="operator_model",
        askable={"status": Field("status")},
    ),
    Resource(
        name="recommendationExposure",
        type="RecommendationExposure",
        shape=model.RecommendationExposure,
        view="operator_exposure",
        askable={
            "relatedParty.id": Field("party_id"),
            "productOffering.id": Field("offering_id"),
            "source": Field("source"),
            "priority": Field("rank", "number"),
            "exposureDate": Field("at", "instant"),
            "takenDate": Field("taken_at", "instant"),
            "variant": Field("variant"),
        },
    ),
    Resource(
        name="recommendationTakeUp",
        type="RecommendationTakeUp",
        shape=model.RecommendationTakeUp,
        view="operator_take_up",
        askable={"source": Field("source"), "priority": Field("rank", "number")},
    ),
)
