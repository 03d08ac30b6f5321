"""The HTTP API, without a browser: what it answers, what it refuses, and that it never answers 500."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_model import tiny
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import ganzoo
from ganzoo.app import server, wishes
from ganzoo.app.api import create_app
from ganzoo.app.guard import BODY, HEADERS, Streams
from ganzoo.app.schema import public_card
from ganzoo.app.scratch import Scratch
from ganzoo.app.server import is_loopback, listen, serve
from ganzoo.app.snippets import card
from ganzoo.app.studio import DRAWING
from ganzoo.errors import GanzooError
from ganzoo.images import fitted

SAMPLE = "/v1/sample"
HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [tiny(folder / f"{kind}.onnx", kind) for kind in ("plain", "conditional", "points")]


@pytest.fixture(scope="module")
def client(models: list[Path]) -> Iterator[TestClient]:
    with TestClient(create_app(models, page=False), HERE, raise_server_exceptions=False) as found:
        yield found


def error_of(answer: Any, status: int, field: str | None) -> str:
    """The message of an error, whose status and field must be these."""
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["field"] == field
    return answer.json()["error"]["message"]


def test_the_picture_is_the_samplers(client: TestClient, models: list[Path]) -> None:
    answer = client.post(SAMPLE, json={"n": 4, "seed": 7})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == ganzoo.load(models[0]).sample(4, seed=7).png()
    assert client.post(SAMPLE, json={"seeds": "7-10"}).content == answer.content
    assert client.post(SAMPLE, json={"seeds": [7, 8, 9, 10]}).content == answer.content
    assert client.post(SAMPLE, json={"n": 4, "seed": 8}).content != answer.content


def test_every_format_holds_the_same(client: TestClient) -> None:
    body = {"model": "conditional", "seeds": [3, 1], "y": ["dog", 0], "truncation": 0.5}
    arrays = np.load(io.BytesIO(client.post(SAMPLE, json={**body, "format": "npz"}).content))
    assert arrays["seeds"].tolist() == [3, 1]
    assert arrays["y"].tolist() == [1, 0]
    plain = client.post(SAMPLE, json={**body, "format": "json"}).json()
    assert plain["seeds"] == [3, 1]
    assert plain["y"] == [1, 0]
    pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(p)))) for p in plain["images"]]
    assert np.array_equal(np.stack(pictures), arrays["images"][..., 0])
    archive = zipfile.ZipFile(io.BytesIO(client.post(SAMPLE, json={**body, "format": "zip"}).content))
    assert "000000-seed-3.png" in archive.namelist()


def test_a_model_that_starts_from_a_picture(models: list[Path], tmp_path: Path) -> None:
    """The picture comes as bytes in base64; a name of a file is never opened; bodies may be larger then."""
    out = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), 200, dtype=np.uint8)).save(out, "PNG")
    photo = base64.b64encode(out.getvalue()).decode()
    (tmp_path / "photo.png").write_bytes(out.getvalue())
    app = create_app([tiny(tmp_path / "picture.onnx", "picture")], page=False)
    with TestClient(app, HERE) as client:
        found = client.post(SAMPLE, json={"n": 2, "photo": photo, "format": "json"}).json()
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found["images"][0]))))
        assert pixels.shape == (8, 8)
        assert abs(int(pixels[0, 0]) - (np.tanh(200 / 127.5 - 1) + 1) * 127.5) <= 1
        for wrong in (str(tmp_path / "photo.png"), photo[:40], "", 3, [[0.0]], "AAAA"):
            error_of(client.post(SAMPLE, json={"photo": wrong}), 422, "photo")
        error_of(client.post(SAMPLE, json={"n": 2}), 422, "photo")
        assert client.post(SAMPLE, json={"photo": "A" * BODY}).status_code == 422
        assert client.post(SAMPLE, content=b" " * (13 * 1024 * 1024)).status_code == 413


def test_a_picture_is_decoded_by_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of some KB can be 16 megapixels; the server answers others meanwhile."""
    threads = []

    def seen(image: Any, shape: Any) -> Any:
        threads.append(threading.current_thread().name)
        return fitted(image, shape)

    monkeypatch.setattr(wishes, "fitted", seen)
    out = io.BytesIO()
    Image.new("L", (20, 30)).save(out, "PNG")
    body = {"photo": base64.b64encode(out.getvalue()).decode()}
    with TestClient(create_app([tiny(tmp_path / "picture.onnx", "picture")], page=False), HERE) as client:
        tag = client.post(SAMPLE, json=body).headers["etag"]
        assert client.post(SAMPLE, json=body, headers={"if-none-match": tag}).status_code == 304
    assert len(threads) == 1
    assert threads[0].startswith(DRAWING)


def test_points(client: TestClient) -> None:
    found = client.post(SAMPLE, json={"model": "points", "n": 1000, "format": "json"}).json()
    assert np.asarray(found["points"]).shape == (1000, 2)
    assert client.post(SAMPLE, json={"model": "points", "n": 1000}).content.startswith(b"\x89PNG")
    error_of(client.post(SAMPLE, json={"model": "points", "format": "zip"}), 422, "format")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "image/png"),
        ("text/html, */*;q=0.1", "image/png"),
        ("application/json", "application/json"),
        ("image/png;q=0.5, application/x-npz", "application/x-npz"),
        ("application/zip", "application/zip"),
        ("image/png;q=0, */*", "application/x-npz"),
        ("*/*, image/*;q=0, application/x-npz;q=0", "application/json"),
    ],
)
def test_accept(client: TestClient, accept: str, media: str) -> None:
    answer = client.post(SAMPLE, json={"n": 1}, headers={"accept": accept})
    assert answer.headers["content-type"] == media


def test_accept_of_nothing_we_make(client: TestClient) -> None:
    for accept in ("video/mp4", "*/*;q=0", ""):
        error_of(client.post(SAMPLE, json={"n": 1}, headers={"accept": accept}), 406, "accept")
    points = {"json": {"n": 1, "model": "points"}, "headers": {"accept": "application/zip"}}
    assert "zip" not in error_of(client.post(SAMPLE, **points), 406, "accept")


def test_etag(client: TestClient) -> None:
    first = client.post(SAMPLE, json={"n": 2, "seed": 5})
    tag = first.headers["etag"]
    assert client.post(SAMPLE, json={"seeds": [5, 6]}).headers["etag"] == tag
    again = client.post(SAMPLE, json={"n": 2, "seed": 5}, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    weak = client.post(SAMPLE, json={"n": 2, "seed": 5}, headers={"if-none-match": f'"x", W/{tag}'})
    assert weak.status_code == 304, "a proxy that compresses weakens it"
    assert client.post(SAMPLE, json={"n": 2, "seed": 6}).headers["etag"] != tag


def test_models_and_health(client: TestClient, models: list[Path]) -> None:
    found = client.get("/v1/models")
    assert [m["name"] for m in found.json()["models"]] == ["plain", "conditional", "points"]
    assert found.json()["models"][0]["card"]["data"] == "digits"
    assert str(models[0].parent) not in found.text
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.head("/healthz").status_code == 200


def test_a_card_does_not_say_where_data_lies() -> None:
    card = {
        "data": "folder:/home/somebody/cats",
        "data_root": "/x",
        "data_card": {"licence": "MIT", "path": "/x"},
    }
    assert public_card(card) == {"data": "folder:cats", "data_card": {"licence": "MIT"}}
    assert public_card({"data": "semi:npz:/home/a:b/x.npz"}) == {"data": "semi:npz:x.npz"}


def test_a_strangers_card_harms_no_other_model(models: list[Path]) -> None:
    app = create_app(models, page=False)
    app.state.studio.sampler("points").backend.card.update(
        versions=[1], figures={"fid": float("nan")}, step=float("inf")
    )
    with TestClient(app, HERE) as client:
        cards = [one["card"] for one in client.get("/v1/models").json()["models"]]
    assert cards[0]["step"] == 1000
    assert cards[2]["figures"] == {"fid": None}
    assert cards[2]["step"] is None
    assert "versions" not in cards[2]
    assert "Made with" not in card(app.state.studio, "points")


def test_openapi_says_what_each_model_takes(client: TestClient) -> None:
    about = client.get("/openapi.json").json()["paths"][SAMPLE]["post"]["requestBody"]["content"]["application/json"]
    plain, conditional, points = about["schema"]["oneOf"]
    assert "required" not in plain
    assert conditional["required"] == ["model"]
    assert conditional["properties"]["model"]["const"] == "conditional"
    assert conditional["properties"]["label"] == conditional["properties"]["y"]
    assert "label" not in plain["properties"]
    assert [one["properties"]["n"]["maximum"] for one in (plain, points)] == [256, 10_000]
    assert "zip" not in points["properties"]["format"]["enum"]


def test_the_openapi_examples_work(client: TestClient) -> None:
    found = client.get("/openapi.json").json()
    examples = found["paths"][SAMPLE]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for one in examples.values():
        assert client.post(SAMPLE, json=one["value"]).status_code == 200
    assert set(found["paths"]) == {SAMPLE, "/v1/models", "/healthz"}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"model": 3}, 422, "model"),
        ({"n": 0}, 422, "n"),
        ({"n": 257}, 422, "n"),
        ({"n": True}, 422, "n"),
        ({"n": 1.5}, 422, "n"),
        ({"seed": -1}, 422, "seed"),
        ({"seed": 2**32}, 422, "seed"),
        ({"seed": 2**32 - 1, "n": 2}, 422, "seed"),
        ({"seed": 1, "seeds": [1]}, 422, "seeds"),
        ({"seeds": []}, 422, "seeds"),
        ({"seeds": "0-4000000000"}, 422, "seeds"),
        ({"seeds": "9" * 5000}, 422, "seeds"),
        ({"seeds": "5-1"}, 422, "seeds"),
        ({"seeds": [1, 2], "n": 3}, 422, "n"),
        ({"format": "gif"}, 422, "format"),
        ({"label": "cat"}, 422, "label"),
        ({"truncation": 10**400}, 422, "truncation"),
        ({"truncation": 3}, 422, "truncation"),
        ({"z": [[1, 2]]}, 422, "z"),
        ({"z": "/etc/passwd"}, 422, "z"),
        ({"model": "conditional", "y": "bird"}, 422, "y"),
        ({"model": "conditional", "y": [[1], [2, 3]], "n": 2}, 422, "y"),
        ({"model": "conditional", "y": 1, "label": 1}, 422, "label"),
        ({"model": "conditional", "truncation": "much"}, 422, "truncation"),
        ([], 422, "body"),
        ("text", 422, "body"),
    ],
)
def test_what_does_not_fit_is_named(client: TestClient, body: Any, status: int, field: str) -> None:
    message = error_of(client.post(SAMPLE, json=body), status, field)
    assert "Traceback" not in message
    assert len(message) < 400


def test_what_is_not_json(client: TestClient) -> None:
    said = {"content-type": "application/json"}
    for content in (b"", b"{", b"\xff", b"[" * 20000, b'{"n": NaN}', b'{"n": ' + b"1" * 5000 + b"}"):
        error_of(client.post(SAMPLE, content=content, headers=said), 400, "body")
    error_of(client.post(SAMPLE, content=b"{}"), 415, "content-type")
    error_of(client.post(SAMPLE, data={"n": "1"}), 415, "content-type")


def test_large_bodies_are_refused(client: TestClient) -> None:
    said = {"content-type": "application/json"}
    error_of(client.post(SAMPLE, content=b" " * (BODY + 1), headers=said), 413, "body")
    error_of(client.post(SAMPLE, content=b"{}", headers={**said, "content-length": "9" * 30}), 413, "body")


def test_a_chunked_body_is_counted_as_it_comes(client: TestClient) -> None:
    """Without a Content-Length, and more than the limit: refused when the limit is reached, not read on."""
    taken, sent = [], []

    async def receive() -> dict[str, Any]:
        taken.append(1)
        return {"type": "http.request", "body": b" " * 8192, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": SAMPLE, "raw_path": SAMPLE.encode(), "root_path": "",
        "query_string": b"", "headers": [(b"content-type", b"application/json"), (b"host", b"localhost")],
        "http_version": "1.1",
        "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 413
    assert len(taken) == BODY // 8192 + 1


def test_other_paths_and_methods(client: TestClient) -> None:
    for path in ("/", "/docs", "/v1", "/v1/sample/x", "/upload", "/gradio_api/upload", "/../healthz/.."):
        error_of(client.get(path), 404, "path")
    answer = client.get(SAMPLE)
    error_of(answer, 405, "method")
    assert answer.headers["allow"] == "POST"


def test_safe_headers_are_on_every_answer(client: TestClient) -> None:
    for answer in (client.get("/healthz"), client.get("/nothing"), client.post(SAMPLE, json={"n": 1})):
        for name, value in HEADERS.items():
            assert answer.headers[name] == value


def test_a_full_queue_is_503(models: list[Path]) -> None:
    app = create_app(models[:1], page=False, workers=1, queue=1)
    started, go_on = threading.Event(), threading.Event()
    backend = app.state.studio.sampler("plain").backend
    run = backend.run

    def slow(inputs: Any) -> Any:
        started.set()
        go_on.wait(20)
        return run(inputs)

    backend.run = slow
    with TestClient(app, HERE) as client:
        answers: list[Any] = []
        accepted = [
            threading.Thread(target=lambda: answers.append(client.post(SAMPLE, json={"n": 1}))) for _ in range(2)
        ]
        accepted[0].start()
        assert started.wait(10)
        accepted[1].start()
        while app.state.studio.pool.under_way < 2:
            pass
        refused = client.post(SAMPLE, json={"n": 1})
        error_of(refused, 503, None)
        assert int(refused.headers["retry-after"]) >= 1
        go_on.set()
        for thread in accepted:
            thread.join(20)
    assert [a.status_code for a in answers] == [200, 200]
    assert app.state.studio.pool.under_way == 0


def test_a_closing_server_says_so(models: list[Path]) -> None:
    app = create_app(models[:1], page=False)
    with TestClient(app, HERE) as client:
        asyncio.run(app.state.studio.pool.drain(1))
        assert client.get("/healthz").status_code == 503
        error_of(client.post(SAMPLE, json={"n": 1}), 503, None)


def test_the_password_guards_every_route_but_healthz(models: list[Path]) -> None:
    """Every route there is, Gradio's own too, by each method: 401 without the password."""
    app = create_app(models[:1], password="päss:word")
    paths = {"/", SAMPLE, "/nothing", "/gradio_api/queue/join", "/docs", "/healthz/x"}
    paths |= {getattr(r, "path", "/") for r in app.routes}
    for mount in [r for r in app.routes if hasattr(r, "app")]:
        if hasattr(mount.app, "openapi"):
            paths |= {r.path for r in mount.app.routes if hasattr(r, "path")} | set(mount.app.openapi()["paths"])
    paths = {p for p in paths if p.startswith("/")} - {"/healthz"}
    assert len(paths) > 60
    with TestClient(app, HERE) as client:
        for path in sorted(paths):
            for method in ("GET", "POST", "HEAD", "PUT", "OPTIONS"):
                answer = client.request(method, path)
                assert answer.status_code == 401, (method, path)
        assert client.get("/healthz").status_code == 200
        assert client.get("/healthz").headers.get("www-authenticate") is None
        wrong = [("ganzoo", "word"), ("other", "päss:word"), ("ganzoo", ""), ("", "")]
        assert all(client.get("/", auth=pair).status_code == 401 for pair in wrong)
        for header in ("Basic", "Basic ???", "Bearer x", "Basic " + "A" * 4000):
            assert client.get("/", headers={"authorization": header}).status_code == 401
        right = base64.b64encode("ganzoo:päss:word".encode()).decode()
        assert client.get("/", headers={"authorization": f"Basic {right}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:7860", "10.0.0.7", "[::1]", "[::1]:80", "localhost", "LOCALHOST:1"]
)
def test_an_address_is_served_without_a_password(client: TestClient, host: str) -> None:
    assert client.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:7860",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "1.evil",
        "[::1",
        "[x]",
        ":80",
        "",
        "\xff",
    ],
)
def test_another_name_is_not(client: TestClient, host: str) -> None:
    """A site whose name is led to 127.0.0.1 (DNS rebinding) would read our answers as its own."""
    for path in ("/v1/models", "/", "/nothing", "/openapi.json"):
        message = error_of(client.get(path, headers={"host": host.encode("latin-1")}), 403, "host")
        assert "without a password" in message
    assert client.get("/healthz", headers={"host": host.encode("latin-1")}).status_code == 200


def test_with_a_password_any_name_is_served(models: list[Path]) -> None:
    """It lets nobody in whom the browser asks for it, and a proxy passes the name on by which it is known."""
    with TestClient(create_app(models[:1], password="word", page=False), "http://zoo.org") as client:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/v1/models", auth=("ganzoo", "word")).status_code == 200


def test_only_what_the_page_needs_of_gradio_answers(models: list[Path]) -> None:
    with TestClient(create_app(models[:1]), HERE) as client:
        assert client.get("/").status_code == 200
        for path in ("upload", "component_server", "stream/1", "vibe-edit", "run/predict", "call/draw"):
            error_of(client.post(f"/gradio_api/{path}", json={}), 404, "path")
        for path in ("proxy=http://127.0.0.1/", "info", "vibe-code", "monitoring", "file/x", "deep_link"):
            error_of(client.get(f"/gradio_api/{path}"), 404, "path")
        for path in ("/monitoring", "/login", "/dev/reload", "/gradio_api/runs"):
            assert client.get(path).status_code == 404
        for path in ("/etc/passwd", "../../etc/passwd", "http://127.0.0.1/", str(models[0])):
            assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_a_visitor_the_server_does_not_know_leaves_nothing_in_its_log(models: list[Path]) -> None:
    """An old page after a restart; what an application raises is written to the log, 110 lines of it."""
    with TestClient(create_app(models[:1], root_path="zoo"), HERE) as client:
        for path in ("/gradio_api", "/zoo/gradio_api"):
            said = client.get(f"{path}/queue/data", params={"session_hash": "nobody"})
            assert '"session_not_found":true' in said.text.replace(" ", "")


@pytest.mark.parametrize("path", ["/gradio_api/queue/data/", "/gradio_api/queue/data"])
def test_what_strangers_ask_of_the_page_fills_no_log(models: list[Path], path: str) -> None:
    with TestClient(create_app(models[:1]), HERE) as client:
        client.get(path, params={"session_hash": "x"})
        for body in ({"fn_index": 9999, "session_hash": "x", "data": []}, {"fn_index": 0, "data": []}):
            assert client.post("/gradio_api/queue/join", json=body).status_code in (400, 404, 422, 500)


def test_other_sites_neither_read_nor_upload(tmp_path: Path) -> None:
    """Gradio would let any Origin read, and an upload is a request that a browser lets every page make."""
    photo = {"files": ("a.png", b"\x89PNG", "image/png")}
    with TestClient(create_app([tiny(tmp_path / "picture.onnx", "picture")]), "http://10.0.0.7") as client:
        for path in ("/config", "/v1/models", "/"):
            answer = client.get(path, headers={"origin": "http://evil.com"})
            assert answer.status_code == 200
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
            answer = client.post("/gradio_api/upload", files=photo, headers={"sec-fetch-site": site})
            assert answer.status_code == status, site
        assert client.post("/gradio_api/upload", files=photo).status_code == 200


def test_what_nobody_foresaw_is_in_the_log_and_in_no_answer(
    models: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a mistake of ours")

    app = create_app(models[:1])
    monkeypatch.setattr(app.state.studio, "draw", broken)
    with TestClient(app, HERE) as client:
        answer = client.post("/v1/sample", json={"n": 1})
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "the server failed; its log says how")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "a mistake of ours" in caplog.text


def test_a_model_of_which_nothing_can_be_seen_is_not_served(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "styled", "styled")
    with pytest.raises(GanzooError, match=r"mapping\.onnx makes latents for another generator and nothing to look at"):
        create_app([folder / "mapping.onnx"])


def test_an_answer_that_breaks_off_is_raised() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("a mistake of ours")

    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/v1/models", "headers": []}
    with pytest.raises(RuntimeError, match="of ours"):
        asyncio.run(Streams().run(broken, scope, None, send))  # type: ignore[arg-type]


def test_behind_a_proxy_with_or_without_its_path(models: list[Path]) -> None:
    with TestClient(create_app(models[:1], root_path="zoo/"), HERE) as client:
        for path in ("/zoo/healthz", "/healthz", "/zoo", "/zoo/"):
            assert client.get(path).status_code == 200
        assert client.get("/zooo/healthz").status_code == 404
        assert "/zoo" in client.get("/zoo/").text


_WORD = st.sampled_from(["cat", "dog", "3", "plain", "conditional", "points", "png", "json", "0-3,7", "../x", ""])
_LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 20), st.integers(), st.floats(), st.text(max_size=20), _WORD
)  # fmt: skip
_VALUE = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORD, inner, max_size=2))
_NAME = st.sampled_from(["model", "n", "seed", "seeds", "format", "z", "y", "label", "truncation", "w", "psi", "photo"])
_LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["plain", "conditional", "points", "picture", "styled"]),
        "psi": st.floats(-1, 2),
        "photo": st.text("Aa/+=", max_size=8) | st.binary(max_size=20).map(lambda b: base64.b64encode(b).decode()),
        "n": st.integers(0, 6),
        "seed": st.integers(-1, 2**32),
        "format": st.sampled_from(["png", "npz", "json", "zip"]),
        "truncation": st.floats(-1, 3),
        "y": st.integers(-1, 3) | _WORD | st.lists(st.integers(0, 2), max_size=4),
        "z": st.lists(st.floats(-2, 2), min_size=3, max_size=5),
    },
)
_BODY = _LIKELY | st.dictionaries(_NAME | st.text(max_size=8), _VALUE, max_size=5) | _VALUE


class Asker:
    """Asks an ASGI application directly, on one event loop: thousands of requests in seconds."""

    def __init__(self, app: Any) -> None:
        self.app, self.loop = app, asyncio.new_event_loop()

    def __call__(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """(status, body)."""
        sent: list[Any] = []
        pending = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return pending.pop() if pending else await asyncio.sleep(3600, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        said = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": b"",
            "headers": [*said, (b"content-length", str(len(content)).encode()), (b"host", b"[::1]")],
            "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        self.loop.run_until_complete(self.app(scope, receive, send))
        return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


@pytest.fixture(scope="module")
def ask(models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Of every kind of model; an exception that no handler of ours turns into an answer would fail the test."""
    more = tmp_path_factory.mktemp("more")
    app = create_app([*models, tiny(more / "picture.onnx", "picture"), tiny(more / "styled", "styled")], page=False)
    found = Asker(app)
    yield found
    app.state.studio.pool.close()
    found.loop.close()


def is_told(status: int, body: bytes) -> None:
    """An error that names its field, and nothing of the server's inside."""
    assert status in (400, 404, 405, 406, 413, 415, 422), body
    error = json.loads(body)["error"]
    assert set(error) == {"field", "message"}
    assert isinstance(error["field"], str)
    assert not re.search(r'Traceback|File "|site-packages|/tmp/', error["message"])


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@example(body={"model": "styled", "format": "json", "z": [0.0, 0.0, 0.0, 0.0]})
@given(body=_BODY)
def test_no_json_makes_it_fail(ask: Asker, body: Any) -> None:
    status, answer = ask("POST", SAMPLE, json.dumps(body).encode(), {"content-type": "application/json"})
    if status != 200:
        is_told(status, answer)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")),
    kind=st.sampled_from(["application/json", "application/json; charset=x", "text/plain", ""]),
    accept=st.text(st.characters(codec="latin-1"), max_size=30)
    | st.sampled_from(["*/*", "image/*;q=0", "image/png;q=nan", "application/json;q=1e999", ",;,"]),
    tag=st.text(st.characters(codec="latin-1"), max_size=20),
)
def test_no_bytes_make_it_fail(ask: Asker, content: bytes, kind: str, accept: str, tag: str) -> None:
    headers = {"content-type": kind, "accept": accept, "if-none-match": tag}
    for body in (content, b'{"n": 1}'):
        status, answer = ask("POST", SAMPLE, body, headers)
        if status not in (200, 304):
            is_told(status, answer)


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(["v1/models/..", "v1//sample", "v1/sample/", "healthz/", "%2e%2e/etc", "openapi.json"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "x"]),
    content=st.binary(max_size=50),
)
def test_no_path_makes_it_fail(ask: Asker, path: str, method: str, content: bytes) -> None:
    status, answer = ask(method, "/" + path, content, {})
    if status != 200:
        is_told(status, answer)


def test_a_model_that_is_swapped_or_damaged_under_a_running_server(tmp_path: Path) -> None:
    """The old one goes on until the new one is found good; a bad one is refused with the reason."""
    file = tiny(tmp_path / "m.onnx")
    app = create_app([file], page=False)
    studio = app.state.studio
    with TestClient(app, HERE) as client:

        def drawn() -> tuple[bytes, str]:
            answer = client.post(SAMPLE, json={"n": 2})
            return answer.content, answer.headers["etag"]

        old = drawn()
        file.write_bytes(file.read_bytes()[:-100])
        assert drawn() == old
        (reason,) = studio.reload()
        assert "the model from before goes on" in reason
        assert drawn() == old
        file.unlink()
        assert len(studio.reload()) == 1
        tiny(file, "conditional")
        (reason,) = studio.reload()
        assert "takes or makes something else" in reason
        assert drawn() == old
        tiny(file, "plain", seed=1)
        assert studio.reload() == []
        assert drawn()[0] == ganzoo.load(file).sample(2).png() != old[0]
        assert drawn()[1] != old[1]


def test_a_model_that_is_given_twice_is_loaded_again_twice(tmp_path: Path) -> None:
    file = tiny(tmp_path / "m.onnx")
    studio = create_app([file, file], page=False).state.studio
    old = studio.sampler("m").checksum
    tiny(file, seed=1)
    assert studio.reload() == []
    new = ganzoo.load(file).checksum
    assert [studio.sampler(name).checksum for name in ("m", "m-2")] == [new, new] != [old, old]


def test_another_host_needs_a_password(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANZOO_PASSWORD", raising=False)
    with pytest.raises(GanzooError, match="GANZOO_PASSWORD"):
        serve(models, host="0.0.0.0", port=0)
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [True] * 4
    assert [is_loopback(h) for h in ("0.0.0.0", "::", "10.0.0.1", "example.org", "")] == [False] * 5


def test_an_address_of_ipv6_may_have_its_brackets(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Server:
        def __init__(self, _: Any, address: str, __: bool) -> None:
            said.append(address.rpartition(":")[0])

        def run(self, sockets: Any) -> None:
            said.append("ran")

    monkeypatch.setattr(server, "Server", Server)
    monkeypatch.setattr(server, "listen", lambda host, port: said.append(host) or listen("127.0.0.1", port))
    for host in ("[::1]", "::1"):
        serve(models[:1], host=host, port=0)
    assert said == ["::1", "http://[::1]", "ran"] * 2


def test_a_busy_port_is_one_sentence(models: list[Path]) -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(GanzooError, match="choose another") as said:
        serve(models, port=taken.getsockname()[1])
    assert "\n" not in str(said.value)


def test_models_of_one_name_and_none_at_all(models: list[Path]) -> None:
    app = create_app([models[0], models[0]], page=False)
    assert list(app.state.studio.samplers) == ["plain", "plain-2"]
    with pytest.raises(GanzooError, match="no model"):
        create_app([], page=False)
    with pytest.raises(GanzooError):
        create_app([models[0].with_name("absent.onnx")], page=False)


def test_a_server_that_never_starts_leaves_no_folder(models: list[Path]) -> None:
    code = "import sys; from ganzoo.app.scratch import Scratch; print(Scratch().folder)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ganzoo-serve-" in made.stdout
    assert not Path(made.stdout.strip()).exists()


def test_the_temporary_folder_stays_small() -> None:
    scratch = Scratch()
    for k in range(4):
        (scratch.folder / str(k)).mkdir()
        (scratch.folder / str(k) / "image.png").write_bytes(bytes(100))
    assert scratch.sweep(size=250) == 2
    (scratch.folder / "aside").write_bytes(bytes(100))  # left by an upload that was interrupted
    assert scratch.sweep(age=-1) == 3
    assert list(scratch.folder.iterdir()) == []

    async def briefly() -> None:
        async with scratch.kept_small():
            pass

    asyncio.run(briefly())
    assert not scratch.folder.exists()


@pytest.mark.parametrize(
    ("says", "headers", "heard"),
    [
        (0, [], [503, b"error"]),
        (1, [], [200, b""]),
        (2, [], [200, b"part", b""]),
        (2, [(b"content-length", b"10")], [200, b"part"]),  # an end would be a lie about its size
    ],
)
def test_what_is_cut_when_the_server_stops(says: int, headers: list[Any], heard: list[Any]) -> None:
    parts = [
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": b"part", "more_body": True},
    ]

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        for part in parts[:says]:
            await send(part)
        await asyncio.sleep(3600)

    async def stopped() -> list[Any]:
        got: list[Any] = []

        async def send(message: Any) -> None:
            body = message.get("body")
            got.append(message.get("status", b"error" if body and b"the server is closing" in body else body))

        streams = Streams()
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        answer = asyncio.create_task(streams.run(endless, scope, None, send))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await streams.cut(0.01)
        await answer
        return got

    assert asyncio.run(stopped()) == heard
