"""Requests to the events of the page: no value makes the server read a file of its own or look up a host."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import matplotlib
import pytest
from app_model import tiny
from fastapi.testclient import TestClient
from PIL import Image
from serving import Running, start
from starlette.routing import Mount

import ganzoo
from ganzoo.app import events
from ganzoo.app.api import create_app
from ganzoo.app.events import MAX_VALUES, PageEvents, Uploads
from ganzoo.app.guard import API, PAGE, UPLOADS
from ganzoo.app.page import SESSIONS
from ganzoo.app.refusals import Refused

META = {"_type": "gradio.FileData"}
JOIN = "/gradio_api/queue/join"
TOKEN = "what only the owner of the server may read"
# an environment that would open Gradio to every client
OPENING = {
    "GRADIO_ALLOWED_PATHS": "/",
    "GRADIO_ROOT_PATH": "/elsewhere",
    "GRADIO_EXAMPLES_CACHE": ".",
    "GRADIO_VIBE_MODE": "1",
    "GRADIO_WATCH_DIRS": ".",
    "GRADIO_PROFILING": "1",
    "GRADIO_ANALYTICS_ENABLED": "True",
}
PASSWORD = "a long password"


def png(color: int = 0) -> bytes:
    """A grey image; images of two colors are two files."""
    out = io.BytesIO()
    Image.new("L", (8, 8), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One model of each kind that adds events to the page; the last is a run."""
    folder = tmp_path_factory.mktemp("models")
    kinds = ("plain", "conditional", "picture", "coded")
    found = [tiny(folder / f"{kind}.onnx", kind) for kind in kinds]
    changes = {"generator.widths": [8], "discriminator.units": 8, "discriminator.pieces": 2}
    ganzoo.train("vanilla", data="digits", steps=2, out=folder / "run", set=changes)
    return [*found, folder / "run"]


class Visitor:
    """A client of the server, without a browser."""

    def __init__(self, running: Running, password: str | None) -> None:
        self.running = running
        self.password = password
        auth = ("ganzoo", password) if password else None
        self.client = httpx.Client(base_url=running.address, auth=auth, timeout=30)
        self.folder = running.log.parent
        self.logged_before = len(running.log.read_text())
        self.opened_before = len(running.opened.read_bytes())
        found = self.client.get("/config").json()
        self.kinds = {one["id"]: one["type"] for one in found["components"]}
        self.events = [event for event in found["dependencies"] if event["backend_fn"]]
        self.draw = next(event for event in self.events if event["api_name"] == "draw")
        self.upload_event = next(event for event in self.events if self.inputs(event) == ["image"])

    def inputs(self, event: Any) -> list[str]:
        """The kinds of an event's inputs."""
        return [self.kinds[one] for one in event["inputs"]]

    def data_of_draw(self, model: str, image: Any) -> list[Any]:
        """The data of the event that draws images: the defaults of all inputs, and this image."""
        plain = {"dropdown": "*", "slider": 1, "textbox": "0", "image": image}
        return [model, *(plain.get(kind) for kind in self.inputs(self.draw)[1:])]

    def join(self, event: Any, data: Any, session: str = "t", **more: Any) -> httpx.Response:
        return self.client.post(JOIN, json={"fn_index": event["id"], "session_hash": session, "data": data, **more})

    def answers(self, session: str = "t") -> str:
        """The messages of the queue to a session, until all its events are done."""
        return self.client.get("/gradio_api/queue/data", params={"session_hash": session}).text

    def upload(self, data: bytes, name: str = "a.png") -> str:
        return self.client.post("/gradio_api/upload", files={"files": (name, data)}).json()[0]

    def opened(self) -> list[Path]:
        """The files and folders that the server has opened since this client exists, without code."""
        code = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, Path(ganzoo.__file__).parents[1]))
        lines = os.fsdecode(self.running.opened.read_bytes()[self.opened_before :]).splitlines()
        return [Path(line) for line in lines if not os.path.realpath(line).startswith(code)]


@pytest.fixture(scope="module", params=[None, PASSWORD], ids=["open", "password"])
def visitor(request: Any, models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "secret.txt").write_text(TOKEN)
    (folder / "secret.png").write_bytes(png(200))
    os.mkfifo(folder / "pipe")
    examples = folder / ".gradio" / "cached_examples"
    examples.mkdir(parents=True)
    (examples / "secret.txt").write_text(TOKEN)
    running = start(models, folder, **OPENING, GANZOO_PASSWORD=request.param or "")
    try:
        found = Visitor(running, request.param)
        yield found
        found.client.close()
    finally:
        running.process.kill()
        running.process.wait(10)


def forms(folder: Path) -> dict[str, Any]:
    """Values that name a file or an address, in every form that Gradio understands, and some that it may one day."""
    secret, image, pipe = str(folder / "secret.txt"), str(folder / "secret.png"), str(folder / "pipe")
    shown = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    return {
        "a file": {"path": secret, "meta": META},
        "an image": {"path": image, "meta": META, "orig_name": "a.png", "mime_type": "image/png", "size": 70},
        "without meta": {"path": image},
        "a pipe": {"path": pipe, "meta": META},
        "a folder": {"path": str(folder), "meta": META},
        "relative": {"path": "secret.txt", "meta": META},
        "by its address here": {"path": secret, "url": f"/gradio_api/file={secret}", "meta": META},
        "a stream": {"path": secret, "is_stream": True, "meta": META},
        "an address": {"path": "http://example.com/a.png", "meta": META},
        "a url": {"url": "http://example.com/a.png", "meta": META},
        "a url alone": {"url": "https://example.com/a.png"},
        "a file's url": {"path": "file:///etc/passwd", "url": "file:///etc/passwd", "meta": META},
        "inline": {"path": None, "url": shown, "meta": META},
        "a text": shown,
        "a text in capitals": f" \n{shown.replace('data', 'DATA')}",
        "a name": {"orig_name": secret},
        "in a list": [{"path": secret, "meta": META}],
        "in a gallery": [{"image": {"path": image, "meta": META}, "caption": None}],
        "in a video": {"video": {"path": secret, "meta": META}, "subtitles": None},
        "in a component": {"value": {"path": secret, "meta": META}, "choices": []},
        "in a message": [{"role": "user", "content": {"type": "file", "file": {"path": secret, "meta": META}}}],
        "in an update": {"__type__": "update", "value": {"path": secret, "meta": META}},
        "deep": [[{"a": [{"b": {"c": [shown]}}]}]],
        "no text": {"path": [secret], "meta": META},
        "nothing": {"path": ""},
        "meta alone": {"meta": META},
    }


def test_no_event_takes_a_file_of_the_server(visitor: Visitor) -> None:
    """Every input of every event of the page, in every form."""
    assert len(visitor.events) > 40
    assert any("tick" in str(event["targets"]) for event in visitor.events)  # the run's tab is there
    inputs = 0
    for event in visitor.events:
        for place in range(len(event["inputs"])):
            for name, value in forms(visitor.folder).items():
                data = [None] * len(event["inputs"])
                data[place] = value
                answer = visitor.join(event, data)
                assert answer.status_code == 403, (event["id"], place, name, answer.text)
                assert answer.json()["error"]["field"] == "data"
                assert answer.json()["detail"] == answer.json()["error"]["message"]  # which the page shows
            inputs += 1
    assert inputs > 200
    unread(visitor)


def test_event_data_are_reduced_to_the_selection(visitor: Visitor) -> None:
    """A gallery sends the selected image too, so files in event data are dropped and never refused."""
    values = [forms(visitor.folder)[name] for name in ("an image", "a pipe", "an address", "in a gallery", "a text")]
    for event in visitor.events:
        data: list[Any] = [None] * len(event["inputs"])
        for value in values:
            for event_data in (value, {"index": 0, "selected": True, "value": value}, {"index": value}):
                answer = visitor.join(event, data, f"e{event['id']}", event_data=event_data)
                assert answer.status_code == 200, (event["id"], answer.text)
        answers = visitor.answers(f"e{event['id']}")
        assert TOKEN not in answers
        assert "secret" not in answers
    unread(visitor)


def unread(visitor: Visitor) -> None:
    """Check that files of the temporary folder alone were opened, and that no host was looked up."""
    scratch = next(visitor.folder.glob("ganzoo-serve-*"))
    assert not [path for path in scratch.rglob("*") if path.is_file() and TOKEN in path.read_text(errors="replace")]
    # matplotlib reads its list of fonts when an event first needs it
    own = (scratch, *visitor.running.models, Path(matplotlib.get_cachedir()))
    strange = [path for path in visitor.opened() if not any(path == one or one in path.parents for one in own)]
    assert not strange
    assert not re.search("LOOKED UP|STARTED", visitor.running.log.read_text()[visitor.logged_before :])
    assert visitor.client.get("/healthz", timeout=2).status_code == 200


def test_image_inputs_take_uploaded_images(visitor: Visitor) -> None:
    path = visitor.upload(png(100))
    foreign = {"url": "http://example.com/a.png", "orig_name": str(visitor.folder / "secret.png"), "is_stream": True}
    value = {"path": path, "meta": META, **foreign}
    images = {event["id"]: [kind == "image" for kind in visitor.inputs(event)] for event in visitor.events}
    assert 0 < sum(any(row) for row in images.values()) < len(images)
    for event in visitor.events:
        for place, image in enumerate(images[event["id"]]):
            data = [None] * len(event["inputs"])
            data[place] = value
            answer = visitor.join(event, data, f"i{event['id']}")
            assert answer.status_code == (200 if image else 403), (event["id"], place)
            data[place] = [value]
            assert visitor.join(event, data).status_code == 403
        if any(images[event["id"]]):
            assert "secret" not in visitor.answers(f"i{event['id']}")
    unread(visitor)


def test_the_path_of_an_upload_is_compared_as_a_text(visitor: Visitor) -> None:
    """Other spellings of it are refused, and so are images in the same folder that the server drew."""
    path = Path(visitor.upload(png(150)))
    scratch = path.parents[1]
    (scratch / "drawn").mkdir(exist_ok=True)
    (scratch / "drawn" / "seed-0.png").write_bytes(png())
    assert visitor.join(visitor.upload_event, [{"path": str(path), "meta": META}], "n").status_code == 200
    others = (scratch / "drawn" / "seed-0.png", scratch, path.parent, path.with_suffix(".PNG"), path.parent / "b.png")
    respelled = (f"{path.parent}/../{path.parent.name}/a.png", f"{path}/", f"/{path}", f"file://{path}", f"{path}\0")
    for other in (*map(str, others), *respelled):
        assert visitor.join(visitor.upload_event, [{"path": other, "meta": META}]).status_code == 403, other


def test_an_upload_as_the_page_makes_it(visitor: Visitor) -> None:
    """The server answers with the image at the model's size; the browser sends that one back, and it is drawn from."""
    path = visitor.upload(png(255))
    assert visitor.join(visitor.upload_event, [{"path": path, "meta": META}], "p").status_code == 200
    done = next(line for line in visitor.answers("p").splitlines() if "process_completed" in line)
    scaled = json.loads(done.removeprefix("data: "))["output"]["data"][0]
    assert scaled["path"] != path
    assert visitor.join(visitor.draw, visitor.data_of_draw("picture", scaled), "d").status_code == 200
    answers = visitor.answers("d")
    assert '"success":true' in answers
    assert "seed-0.png" in answers


@pytest.mark.parametrize("path", ["secret.txt", "pipe", ".gradio/cached_examples/secret.txt", "server.log"])
def test_no_file_is_served_but_the_servers_own(visitor: Visitor, path: str) -> None:
    """Gradio's folder for examples, by default in the working directory, is served neither."""
    for name in (visitor.folder / path, Path(os.path.relpath(visitor.folder / path, "/"))):
        assert visitor.client.get(f"/gradio_api/file={name}").status_code in (403, 404)
    unread(visitor)


def test_gradios_other_routes_stay_closed(visitor: Visitor) -> None:
    """The guard allows the routes that the page needs only."""
    for path in ("profiling/traces", "profiling/summary", "vibe-code", "deep_link", "runs", "info", "monitoring"):
        assert visitor.client.get(f"/gradio_api/{path}").status_code == 404
    for path in ("vibe-edit", "vibe-code", "call/draw", "call/v2/draw", "run/draw", "api/draw", "stream/x", "upload/x"):
        assert visitor.client.post(f"/gradio_api/{path}", json={"data": [], "code": "1"}).status_code == 404
    for path in ("/dev/reload", "/gradio_api/dev/reload", "/monitoring", "/elsewhere/config"):
        assert visitor.client.get(path).status_code == 404
    assert visitor.client.get("/config").json()["root"] == visitor.running.address


def test_an_uploaded_drawing_is_not_shown_as_a_page(visitor: Visitor) -> None:
    """Gradio would serve it as a page, with its scripts, if `is_running` were not set."""
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    path = visitor.upload(drawing, "a.svg")
    assert visitor.join(visitor.upload_event, [{"path": path, "meta": META}], "svg").status_code == 200
    visitor.answers("svg")
    answer = visitor.client.get(f"/gradio_api/file={path}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_without_the_password_nothing_is_read(visitor: Visitor) -> None:
    """The password is checked before a body is read, and before an upload is stored."""
    if visitor.password is None:
        pytest.skip("this server has no password")
    uploaded = visitor.upload(png(7))
    scratch = Path(uploaded).parents[1]
    before = sorted(scratch.rglob("*"))
    with httpx.Client(base_url=visitor.running.address) as client:
        for event in visitor.events:
            for value in (None, {"path": uploaded, "meta": META}, *forms(visitor.folder).values()):
                data = [value] * len(event["inputs"])
                answer = client.post(JOIN, json={"fn_index": event["id"], "session_hash": "t", "data": data})
                assert answer.status_code == 401
        assert client.post("/gradio_api/upload", files={"files": ("b.png", png(8))}).status_code == 401
        for path in ("/", "/config", f"/gradio_api/file={uploaded}", "/gradio_api/queue/data?session_hash=t"):
            assert client.get(path).status_code == 401
    assert sorted(scratch.rglob("*")) == before
    unread(visitor)


def test_an_upload_that_was_removed_is_no_image(visitor: Visitor) -> None:
    """An open page sends its path with every event, also with those of other models, after the file has expired."""
    path = visitor.upload(png(31))
    Path(path).unlink()
    for model, expected in (("plain", "seed-0.png"), ("picture", "First give the model a picture")):
        data = visitor.data_of_draw(model, {"path": path, "meta": META})
        assert visitor.join(visitor.draw, data, f"gone-{model}").status_code == 200
        answers = visitor.answers(f"gone-{model}")
        assert '"success":true' in answers
        assert expected in answers


def test_the_newest_uploads_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_UPLOADS", 3)
    uploads = Uploads()
    uploads.update(["/a", "/b", "/c"])
    uploads.update(["/a", "/d"])  # /a is newer than /b again
    assert [path in uploads for path in ("/a", "/b", "/c", "/d", None)] == [True, False, True, True, False]


def test_an_upload_has_a_boundary_and_no_charset(visitor: Visitor) -> None:
    """Gradio would decode each part by it, and the time of punycode grows with the square of the size."""
    part = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 300_000 + b"\r\n--X--\r\n"
    for charset in ("; charset=punycode", ";charset=idna", "; charset=utf-8", '; x="y"', ", multipart/form-data"):
        kind = f"multipart/form-data; boundary=X{charset}"
        answer = visitor.client.post("/gradio_api/upload", content=part, headers={"content-type": kind})
        assert answer.status_code == 415, charset
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "application/json", "text/plain; boundary=X"):
        answer = visitor.client.post("/gradio_api/upload", content=part, headers={"content-type": kind})
        assert answer.status_code == 415, kind
        assert answer.json()["error"]["field"] == "content-type"
    file = b'--X\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\nabc\r\n--X--\r\n'
    for kind in ('multipart/form-data; boundary="X"', "multipart/form-data;boundary=X"):
        answer = visitor.client.post("/gradio_api/upload", content=file, headers={"content-type": kind})
        assert answer.json()[0].endswith("/a.png")


BODIES = [
    (b"", 400),
    (b"[]", 400),
    (b"{", 400),
    (b'{"fn_index": 1e999}', 404),
    (b'{"fn_index": NaN}', 400),
    (b"[" * 30_000, 400),
    (b'{"fn_index": 0, "fn_index": 7}', 404),
    (b'{"fn_index": -1}', 404),
    (b'{"fn_index": true}', 404),
    (b'{"fn_index": [0]}', 404),
    (b'{"fn_index": "0"}', 404),
    (b'{"fn_index": ' + b"1" * 2000 + b"}", 400),  # reading it would take long
    (b'{"fn_index": 0}', 400),
    (b'{"fn_index": 0, "data": [1]}', 400),
    (b'{"fn_index": 0, "data": {"0": 1, "1": 2}}', 400),
    (b'{"fn_index": 0, "data": [1, 2], "session_hash": null}', 400),
    (b'{"fn_index": 0, "data": [1, 2], "session_hash": "../x"}', 400),
    (b'{"fn_index": 0, "data": [null, "\\ud800"], "session_hash": "t"}', 400),
    (b'{"fn_index": 0, "data": [null, Infinity], "session_hash": "t"}', 400),
    (b'{"fn_index": 0, "data": [null, 1e999], "session_hash": "t"}', 400),
    (b'{"fn_index": 0, "data": [null, {"p\\u0061th": "/etc/passwd"}], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": [null, {"path": "/a"}], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": [{"path": "/b"}, 1], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": [{"path": ["/a"]}, 1], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": ["/a", 1], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": [[{"path": "/a"}], 1], "session_hash": "t"}', 403),
    (b'{"fn_index": 0, "data": [{}, 1], "session_hash": "t"}', 403),
    ('{"fn_index": 0, "data": [null, {"path": "/a"}], "session_hash": "t"}'.encode("utf-16"), 403),
    (b'{"fn_index": 0, "session_hash": "t", "data": [null, 2], "data": [null, {"url": ""}]}', 403),
    (b'{"fn_index": 0, "session_hash": "t", "data": [[' + b"0," * MAX_VALUES + b"0], 1]}", 413),
]
JSON = "application/json"
EVENTS = PageEvents({0: [True, False]}, {"/a"})


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[body[:60].decode("latin-1") for body, _ in BODIES])
def test_bodies_that_the_page_does_not_send(body: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        EVENTS.checked(JOIN, JSON, body)
    assert refused.value.status == status


def test_a_body_is_written_anew() -> None:
    """Gradio reads what was checked; members that only its own code should set are dropped."""
    sent = {
        "fn_index": 0, "session_hash": "t", "data": [{"path": "/a", "url": "http://x", "is_stream": True}, "\u00e9"],
        "event_data": {"index": 3, "selected": False, "value": {"path": "/b"}}, "trigger_id": 5, "batched": True,
        "simple_format": True, "event_id": "x", "oauth_token": "x", "request": {}, "batch_trigger_ids": [1],
    }  # fmt: skip
    for encoding in ("utf-8", "utf-16", "utf-32"):
        body = json.dumps(sent, ensure_ascii=False).encode(encoding)
        kind, made = EVENTS.checked(JOIN, "Application/JSON; charset=x", body)
        assert kind == JSON
        assert json.loads(made) == {
            "fn_index": 0, "session_hash": "t", "data": [{"path": "/a", "meta": META}, "\u00e9"],
            "event_data": {"index": 3, "selected": False},
        }  # fmt: skip


@pytest.mark.parametrize(
    "event_data", [None, 3, "x", [], {"index": [0, 1]}, {"index": True}, {"value": {"path": "/a"}}]
)
def test_event_data_are_never_refused(event_data: Any) -> None:
    body = json.dumps({"fn_index": 0, "session_hash": "t", "data": [None, 1], "event_data": event_data}).encode()
    found = json.loads(EVENTS.checked(JOIN, JSON, body)[1])
    assert found["event_data"] == {"index": None, "selected": True}


def test_the_other_bodies() -> None:
    cancel = {"fn_index": 0, "session_hash": "t", "event_id": "e"}
    more = json.dumps({**cancel, "data": {}}).encode()
    assert json.loads(EVENTS.checked("/gradio_api/cancel", JSON, more)[1]) == cancel
    assert json.loads(EVENTS.checked("/gradio_api/reset", JSON, b'{"event_id": "e", "x": 1}')[1]) == {"event_id": "e"}
    for path, body, status in (
        ("cancel", {**cancel, "fn_index": [1]}, 404),
        ("cancel", {**cancel, "event_id": {"path": "/a"}}, 400),
        ("reset", {}, 400),
        ("reset", {"event_id": "x" * 65}, 400),
    ):
        with pytest.raises(Refused) as refused:
            EVENTS.checked(f"/gradio_api/{path}", JSON, json.dumps(body).encode())
        assert refused.value.status == status
    for other in (
        "",
        "text/plain",
        "multipart/form-data; boundary=application/json",
    ):  # a page of any site may send these
        with pytest.raises(Refused, match="Content-Type") as refused:
            EVENTS.checked(JOIN, other, b"{}")
        assert refused.value.status == 415


def test_every_body_for_gradio_is_checked() -> None:
    posts = {path for path, methods in {**PAGE, **UPLOADS}.items() if "POST" in methods}
    assert posts == {path for path in {**PAGE, **UPLOADS, **API} if EVENTS.handles(path)}


def test_gradio_alone_reads_no_file_either(tmp_path: Path) -> None:
    """Gradio's own check, which is active only if `has_launched` is set, does not need ours."""
    secret = tmp_path / "secret.txt"
    secret.write_text(TOKEN)
    app = create_app([tiny(tmp_path / "picture.onnx", "picture")])
    gradio = next(route.app for route in app.routes if isinstance(route, Mount))
    with TestClient(gradio, "http://127.0.0.1") as client:
        client.get("/gradio_api/startup-events")
        for event in client.get("/config").json()["dependencies"]:
            if not event["backend_fn"]:
                continue
            for value in ({"path": str(secret), "meta": META}, {"path": str(secret)}):
                session = f"s{event['id']}"
                body = {"fn_index": event["id"], "session_hash": session, "data": [value] * len(event["inputs"])}
                assert client.post(JOIN, json=body).status_code == 200
                answers = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
                for found in set(re.findall(r"file=(/[^'\"\\ ]+)", answers)):
                    assert TOKEN not in client.get(f"/gradio_api/file={found}").text
                assert TOKEN not in answers
    scratch = Path(gradio.uploaded_file_dir)
    assert not [p for p in scratch.rglob("*") if p.is_file() and TOKEN in p.read_text(errors="replace")]


def test_what_launching_would_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SECURITY.md has the list of what Gradio's `launch()` sets and mounting does not."""
    for name, value in OPENING.items():
        monkeypatch.setenv(name, value)
    app = create_app([tiny(tmp_path / "plain.onnx")])
    gradio = next(route.app for route in app.routes if isinstance(route, Mount))
    page = gradio.get_blocks()
    assert page.has_launched
    assert gradio.state_holder.capacity == SESSIONS
    assert (page.allowed_paths, page.blocked_paths, page.root_path, gradio.root_path) == ([], [], "", "")
    assert not any(
        (page.show_error, page.enable_monitoring, page.run_history, page.share, page.dev_mode, page.vibe_mode)
    )
    assert not any((page.ssr_mode, page.pwa, page.mcp_server, page.analytics_enabled, page.auth, page.proxy_urls))
    assert gradio.static_worker_pool is None
    with TestClient(app, "http://127.0.0.1"):
        assert page.is_running
