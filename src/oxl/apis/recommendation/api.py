"""TMF680 Recommendation Management v4.0.0, declared."""

from __future__ import annotations

from oxl.apis.recommendation import actions
from oxl.apis.recommendation.model import Event, QueryProductRecommendation
from oxl.callers import Owner
from oxl.kernel.declare import Api, Field, Resource, Task

RECOMMENDATION = Api(
    name="recommendation",
    number="TMF680",
    title="Recommendation Management",
    version="4.0.0",
    generation=4,
    base="/tmf-api/recommendationManagement/v4",
    description="What to offer whom, from live balances, what is owned, the catalog and a learned model, with reasons.",
    event=Event,
    hub=("create", "delete"),
    extra_parameters=frozenset({"before", "after", "sort", "filter"}),
    resources=(
        Resource(
            name="queryProductRecommendation",
            type="QueryProductRecommendation",
            shape=QueryProductRecommendation,
            view="recommendation_query_view",
            owner=Owner("party_id", "party"),
            theirs={"relatedParty.id": "party"},
            has_body=True,
            computed=("recommendationItem", "validFor"),
            askable={
                "state": Field("state"),
                "recommendationType": Field("type"),
                "relatedParty.id": Field("party_id"),
            },
            create=actions.create_query,
            server_set=("state", "validFor"),
            state="state",
            task=Task(final=("done", "terminatedWithError"), later=actions.create_query_later),
            events={
                "create": "QueryProductRecommendationCreateEvent",
                "stateChange": "QueryProductRecommendationStateChangeEvent",
            },
            summary="Ask what to recommend; with instantSyncRecommendation the answer is in the answer",
        ),
    ),
)
