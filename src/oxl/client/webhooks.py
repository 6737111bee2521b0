"""Notifications as a listener gets them: whether OXL signed them (Standard Webhooks), and what they tell."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from oxl.client.errors import BadSignatureError
from oxl.client.operations import read


class Notification(NamedTuple):
    """An event that a listener was told.

    id: the same whenever the event comes again, so keep it and pass over what you know. type: such as
    TopupBalanceCreateEvent. resource: the document that it is about. document: the whole notification.
    """

    id: str
    type: str
    resource: dict[str, Any]
    document: dict[str, Any]


def verify(body: bytes | str, headers: Mapping[str, str], secret: str | Iterable[str]) -> Notification:
    """The notification, when it was signed with the secret within five minutes of now; else BadSignatureError.

    body: as it came, byte for byte. secret: `whsec_…`, of `oxl events secret`; several while one takes over from
    another.
    """
    why = "no secret is given"
    for each in [secret] if isinstance(secret, str) else secret:
        try:
            Webhook(each).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, binascii.Error, ValueError) as error:
            why = str(error)
        else:
            return told(body, headers)
    raise BadSignatureError(why)


def told(body: bytes | str, headers: Mapping[str, str]) -> Notification:
    """What a notification tells, whoever sent it; BadSignatureError where it is none."""
    try:
        document = read(body)
        (resource,) = document["event"].values()
        ids = {name.lower(): value for name, value in headers.items()}
        return Notification(ids["webhook-id"], document["eventType"], resource, document)
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadSignatureError(f"this is no notification: {error}") from None
