"""The Python client: of OXL, and of any server of TM Forum Open APIs. It imports nothing of the server.

asking, operations, streams, webhooks are sums; blocking and awaited hold their conversations; apis/ names and types
what is served.
"""

from __future__ import annotations

from oxl.client.asking import Retry
from oxl.client.awaited import AsyncClient
from oxl.client.blocking import Client
from oxl.client.errors import ApiError, BadSignatureError, ClientError, NoAnswerError
from oxl.client.operations import Kind, Tagged
from oxl.client.streams import Told
from oxl.client.webhooks import Notification, verify

__all__ = [
    "ApiError", "AsyncClient", "BadSignatureError", "Client", "ClientError", "Kind", "NoAnswerError", "Notification",
    "Retry", "Tagged", "Told", "verify",
]  # fmt: skip
