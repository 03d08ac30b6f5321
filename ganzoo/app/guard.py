"""What stands before every route: password, size of bodies, which paths exist, safe headers.

Gradio brings some seventy routes of its own: uploads, proxies, code editors, monitors. So the guard does not
forbid, it allows: a path that is not in the lists below answers 404 before Gradio sees it. It is the
outermost layer, because Gradio's own authentication does not guard the routes beside it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from ganzoo.app.events import UPLOAD_PATH, PageEvents
from ganzoo.app.refusals import Message, Refused, Send, refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("ganzoo")

USER = "ganzoo"
BODY = 64 * 1024
"""Bytes of a request's body."""
UPLOAD = 8 * 1024 * 1024
"""Bytes of a body where a served model starts from a picture."""
BODY_SECONDS = 20.0

API = {
    "/v1/sample": ("POST",),
    "/v1/models": ("GET",),
    "/healthz": ("GET", "HEAD"),
    "/openapi.json": ("GET",),
}
_GET = ("GET", "HEAD")
GRADIO = "/gradio_api/"
PAGE = {
    "/": _GET,
    "/config": _GET,
    "/theme.css": _GET,
    "/favicon.ico": _GET,
    "/robots.txt": _GET,
    "/manifest.json": _GET,
    "/gradio_api/theme.css": _GET,
    "/gradio_api/startup-events": _GET,
    "/gradio_api/app_id": _GET,
    "/gradio_api/queue/data": _GET,
    "/gradio_api/queue/join": ("POST",),
    "/gradio_api/cancel": ("POST",),
    "/gradio_api/reset": ("POST",),
}
PAGE_BELOW = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/heartbeat/",
    "/gradio_api/file=/",  # a path; Gradio would fetch an address for whoever asks
)
ASSETS, DAY = "/assets/", "private, max-age=86400"
UPLOADS = {UPLOAD_PATH: ("POST",), "/gradio_api/upload_progress": _GET}

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Streams:
    """The answers under way: those of an open page or a stalled client would not end when the server stops."""

    def __init__(self) -> None:
        self._open: set[asyncio.Task[None]] = set()
        self._cut = False

    async def run(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets `app` answer, until it has or `cut` is called.

        What Gradio's own routes raise is a visitor's doing: a session that the server does not know (any more), an
        event that there is not, a connection that ends at the wrong moment. A traceback of each would let anybody
        fill the log. (What goes wrong in an event of ours is in the log by Gradio's queue.)
        """
        started = ended = sized = False

        async def sent(message: Message) -> None:
            nonlocal started, ended, sized
            started = started or message["type"] == "http.response.start"
            sized = sized or any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        async def answer() -> None:
            await app(scope, receive, sent)

        task = asyncio.create_task(answer())
        self._open.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if not self._cut:
                raise
            if not started:
                await refuse(send, 503, "path", "the server is closing", {"retry-after": "1", "connection": "close"})
            elif not ended and not sized:  # of what has said its size a part cannot be all; its connection is closed
                await send(LAST)
        except Exception:
            if not started:
                log.error("a request to %s was not foreseen", scope["path"], exc_info=True)
                await refuse(send, 500, None, "the server failed; its log says how")
                return
            if GRADIO not in scope["path"]:
                raise
            log.debug("an answer of the page broke off", exc_info=True)
            if not ended:
                await send(LAST)
        finally:
            self._open.discard(task)

    async def cut(self, seconds: float) -> None:
        """Gives them so long to say what is left to say, then ends them."""
        if self._open:
            await asyncio.sleep(seconds)
        self._cut = True
        for task in self._open:
            task.cancel()


class Guard:
    """An ASGI layer.

    password    of user `ganzoo`, or None for none
    root_path   the path a proxy serves us under; taken off a request's path where the proxy left it on
    events      of the page, or None where there is no page
    uploads     whether a served model starts from a picture
    streams     takes the answers under way
    """

    def __init__(
        self, app: App, password: str | None, root_path: str, events: PageEvents | None, uploads: bool, streams: Streams
    ) -> None:
        self.app = app
        self.streams = streams
        self.root_path = root_path
        self.most = UPLOAD * 3 // 2 if uploads else BODY  # base64 is a third longer
        self.secret = _digest(f"{USER}:{password}".encode()) if password else None
        self.events = events
        self.paths = {**API, **(PAGE if events else {}), **(UPLOADS if events and uploads else {})}
        self.below = PAGE_BELOW if events else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or passes on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks websocket
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.streams.run(self._answer, scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = self._path(scope), scope["method"]
        if path != "/healthz" and not (self.secret or _by_address(scope)):
            message = "without a password this is only served at an address such as 127.0.0.1, or at localhost"
            await refuse(send, 403, "host", message)
            return
        if path != "/healthz" and not self._known(scope):
            message = f"a password is needed; the user is '{USER}'"
            await refuse(send, 401, "authorization", message, {"www-authenticate": 'Basic realm="ganzoo"'})
            return
        if method == "POST" and _abroad(scope):
            await refuse(send, 403, "origin", "a page of another site asks; this answers its own page and programs")
            return
        methods = self.paths.get(path) or (_GET if path.startswith(self.below) else None)
        if methods is None or ".." in path.split("/"):
            await refuse(send, 404, "path", "there is nothing at this path; /openapi.json says what there is")
            return
        if method not in methods:
            allow = ", ".join(methods)
            await refuse(send, 405, "method", f"this path answers {allow} only", {"allow": allow})
            return
        if method == "POST":
            body = await self._body(scope, receive, send)
            if body is None:
                return
            if self.events and self.events.handles(path):
                content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
                try:
                    content_type, body = self.events.checked(path, content_type, body)
                except Refused as error:  # the page shows `detail`
                    await refuse(send, error.status, error.field, str(error), detail=str(error))
                    return
                scope = {**scope, "headers": _with_body(scope["headers"], content_type, len(body))}
            receive = _replay(body, receive)
        scope = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
        await self.app(scope, receive, _kept_a_day(send) if path.startswith(ASSETS) else send)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        root = self.root_path
        if root and (path == root or path.startswith(root + "/")):
            path = path[len(root) :] or "/"
        return path.rstrip("/") or "/"

    def _known(self, scope: Scope) -> bool:
        """Whether the password is right; compared in constant time."""
        if self.secret is None:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, code = given.partition(b" ")
        try:
            plain = base64.b64decode(code.strip(), validate=True)
        except (binascii.Error, ValueError):
            plain = b""
        return hmac.compare_digest(_digest(plain), self.secret) and scheme.lower() == b"basic"

    async def _body(self, scope: Scope, receive: Receive, send: Send) -> bytes | None:
        """The whole body, or None after refusing it; a chunked body is counted as it comes."""
        length = dict(scope["headers"]).get(b"content-length", b"0")
        parts: list[bytes] = []
        size = int(length) if length.isdigit() and len(length) < 20 else self.most + 1
        try:
            async with asyncio.timeout(BODY_SECONDS):
                more, count = size <= self.most, 0
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    parts.append(message.get("body", b""))
                    count += len(parts[-1])
                    size = max(size, count)
                    more = message.get("more_body", False) and size <= self.most
        except TimeoutError:
            await refuse(send, 408, "body", f"the body did not arrive within {BODY_SECONDS:g} seconds")
            return None
        if size > self.most:
            message_ = f"the body is larger than {self.most // 1024} KB"
            await refuse(send, 413, "body", message_, {"connection": "close"})
            return None
        return b"".join(parts)


def _by_address(scope: Scope) -> bool:
    """Whether we are asked for by an address: another site's name may lead here, and its pages would be ours then."""
    try:
        name = urlsplit("//" + dict(scope["headers"]).get(b"host", b"").decode("latin-1")).hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _abroad(scope: Scope) -> bool:
    """Whether a browser says that a page of another origin asks: an upload is one of what it lets such a page do."""
    return dict(scope["headers"]).get(b"sec-fetch-site") in (b"cross-site", b"same-site")


def _with_body(headers: list[tuple[bytes, bytes]], content_type: str, size: int) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request whose body is now of this type and of this many bytes."""
    kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length")]
    return [*kept, (b"content-type", content_type.encode("latin-1")), (b"content-length", str(size).encode())]


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _with_headers(send: Send) -> Send:
    """`send`, with the safe headers on every answer, and none that lets other sites read it, as Gradio's would."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
            named = [(name.lower().decode("latin-1"), (name, value)) for name, value in message.get("headers", [])]
            kept = [pair for name, pair in named if name not in HEADERS and not name.startswith("access-control-")]
            message["headers"] = kept + own
        await send(message)

    return wrapped


def _kept_a_day(send: Send) -> Send:
    """`send` of a file whose name changes with its content."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message["headers"] = [*message.get("headers", []), (b"cache-control", DAY.encode())]
        await send(message)

    return wrapped


def _replay(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body already read first."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again
