"""The HTTP application: `POST /v1/sample`, `GET /v1/models`, `GET /healthz`, and the page at `/`."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from ganzoo.app import schema
from ganzoo.app.guard import Guard, Streams
from ganzoo.app.refusals import Refused, problem
from ganzoo.app.scratch import Scratch
from ganzoo.app.studio import Busy, Pool, Studio
from ganzoo.app.untrusted import json_value
from ganzoo.app.wishes import FORMATS, SUCH, Unknown, Wish, formats_of
from ganzoo.cores import cores
from ganzoo.errors import InputError
from ganzoo.files import finite
from ganzoo.sampler import Sampler, Samples

QUEUE = 32
"""Requests that may wait for a worker."""
FORMAT = 1
"""Part of every ETag: raised when an answer's bytes change."""


def create_app(
    models: Sequence[Path],
    *,
    password: str | None = None,
    root_path: str = "",
    page: bool = True,
    workers: int | None = None,
    queue: int = QUEUE,
) -> FastAPI:
    """The application that serves these models.

    password    of user `ganzoo`, for every route but /healthz; None: open to all
    root_path   the path a proxy serves it under
    page        without it Gradio is not imported
    workers     drawing at the same time; as many as there are cores
    queue       requests that may wait; the next one is answered 503
    GanzooError if a model cannot be loaded.
    """
    root = "/" + root_path.strip("/") if root_path.strip("/") else ""
    pool = Pool(workers or cores(), queue)
    studio = Studio.open([Path(m) for m in models], pool, root)
    scratch = Scratch()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with scratch.kept_small():
            yield
        pool.close()

    about = "Samples of trained generators. A seed is one picture: equal requests give equal bytes."
    app = FastAPI(
        title="ganzoo", version="1", description=about, docs_url=None, redoc_url=None, lifespan=lifespan,
        servers=[{"url": root}] if root else None,
    )  # fmt: skip
    app.state.studio = studio
    _routes(app, studio)
    _errors(app)
    events = None
    if page:
        from ganzoo.app.page import mount

        events = mount(app, studio, scratch.folder, root)
    uploads = studio.takes_pictures
    streams = app.state.streams = Streams()
    app.add_middleware(Guard, password=password, root_path=root, events=events, uploads=uploads, streams=streams)
    return app


def _routes(app: FastAPI, studio: Studio) -> None:
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Whether the server answers", responses=schema.HEALTH)
    async def healthz() -> JSONResponse:
        closing = studio.pool.closing
        return JSONResponse({"status": "closing" if closing else "ok"}, 503 if closing else 200)

    @app.get("/v1/models", summary="What is served", responses=schema.MODELS)
    async def models() -> JSONResponse:
        return JSONResponse({"models": schema.models(studio)})

    about = schema.body(studio)

    @app.post("/v1/sample", summary="Draw samples", responses=schema.SAMPLE, openapi_extra=about)
    async def sample(request: Request) -> Response:
        wish = studio.wish(await _json(request))
        sampler = studio.sampler(wish.model)  # of one look, so that the tag is of what is drawn
        kind = wish.format or _accepted(request.headers.get("accept", "*/*"), formats_of(sampler.spec))
        tag = _tag(sampler, wish, kind)
        headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "accept"}
        if tag in (t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        content = await studio.draw(wish, partial(_encode, wish, kind), request.is_disconnected, sampler)
        headers["content-disposition"] = f'inline; filename="samples.{kind}"'
        return Response(content, media_type=FORMATS[kind], headers=headers)


async def _json(request: Request) -> Any:
    """The body; errors 415 and 400."""
    try:
        return json_value(request.headers.get("content-type", ""), await request.body())
    except (ValueError, RecursionError):
        raise Refused(400, "body", f"the body is not JSON; {SUCH}") from None


def _accepted(accept: str, made: Sequence[str]) -> str:
    """The format of those that are made that an Accept header likes best; the first where it says anything goes."""
    liked: list[tuple[float, str]] = []
    for piece in accept.split(","):
        kind, *options = (p.strip().lower() for p in piece.split(";"))
        said = next((o[2:] for o in options if o.startswith("q=")), "1")
        try:
            liked.append((float(said), kind))
        except ValueError:
            continue
    never = {kind for weight, kind in liked if weight <= 0}
    for _, kind in sorted(liked, key=lambda pair: -pair[0]):
        for name in made:
            ways = (FORMATS[name], FORMATS[name].split("/")[0] + "/*", "*/*")
            if kind in ways and kind not in never and not never & {*ways[:2]}:
                return name
    raise Refused(406, "accept", f"nothing accepted is made here; {', '.join(FORMATS[name] for name in made)} are")


def _tag(sampler: Sampler, wish: Wish, kind: str) -> str:
    """The ETag: the model's bytes, the request and the format decide the answer's bytes."""
    parts = (str(FORMAT), sampler.checksum, wish.name(), kind)
    return f'"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}"'


def _encode(wish: Wish, kind: str, samples: Samples) -> bytes:
    if kind == "png":
        return samples.png()
    if kind == "json":
        return json.dumps(_plain(wish, samples)).encode()
    with tempfile.TemporaryDirectory(prefix="ganzoo-") as folder:
        return samples.save(Path(folder) / f"samples.{kind}").read_bytes()


def _plain(wish: Wish, samples: Samples) -> dict[str, Any]:
    """Pictures as PNGs in base64, or points as numbers."""
    labels = {i.name: samples.inputs[i.name].tolist() for i in samples.spec.of_kind("label")}
    found: dict[str, Any] = {"model": wish.model, "seeds": wish.asked["seeds"], **labels}
    if samples.spec.output.kind == "points":
        return {**found, "points": finite(samples.points.tolist())}
    return {**found, "images": [base64.b64encode(samples.png(k)).decode() for k in range(len(samples))]}


def _errors(app: FastAPI) -> None:
    """Every error is {"error": {"field", "message"}}; the guard answers what was not foreseen."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse(problem(error.field, str(error)), error.status)

    @app.exception_handler(InputError)
    async def unfit(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse(problem(error.field, str(error)), 404 if isinstance(error, Unknown) else 422)

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return JSONResponse(problem(None, str(error)), 503, {"retry-after": "1"})
