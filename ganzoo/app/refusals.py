"""Errors that are answered over HTTP: a status, and the JSON `{"error": {"field", "message"}}`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ganzoo.errors import GanzooError

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Refused(GanzooError):
    """A request that is not carried out.

    status   of HTTP, 4xx
    field    the part of the request that is wrong
    """

    def __init__(self, status: int, field: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


def problem(field: str | None, message: str) -> dict[str, Any]:
    """The JSON of an error."""
    return {"error": {"field": field, "message": message}}


async def refuse(
    send: Send, status: int, field: str | None, message: str, headers: dict[str, str] | None = None, **more: str
) -> None:
    """Send an error; `more` are further members of its JSON."""
    body = json.dumps({**problem(field, message), **more}).encode()
    all_headers = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    pairs = [(k.encode(), v.encode()) for k, v in all_headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
