"""The events of the page: whatever a visitor sends, no file of the server is read and no host is looked up."""

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
OPENING = {
    "GRADIO_ALLOWED_PATHS": "/",
    "GRADIO_ROOT_PATH": "/elsewhere",
    "GRADIO_EXAMPLES_CACHE": ".",
    "GRADIO_VIBE_MODE": "1",
    "GRADIO_WATCH_DIRS": ".",
    "GRADIO_PROFILING": "1",
    "GRADIO_ANALYTICS_ENABLED": "True",
}
"""An environment that would open Gradio to everybody."""
WAYS = ("open", "password")
HEADERS = {"open": {}, "password": {"authorization": f"Basic {base64.b64encode(b'ganzoo:a long password').decode()}"}}


def png(color: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Of every kind that adds events to the page, a run among them."""
    folder = tmp_path_factory.mktemp("models")
    kinds = ("plain", "conditional", "picture", "coded")
    found = [tiny(folder / f"{kind}.onnx", kind) for kind in kinds]
    changes = {"generator.widths": [8], "discriminator.units": 8, "discriminator.pieces": 2}
    ganzoo.train("vanilla", data="digits", steps=2, out=folder / "run", set=changes)
    return [*found, folder / "run"]


class Visitor:
    """Somebody who sends requests to a server by hand."""

    def __init__(self, running: Running, way: str) -> None:
        self.running = running
        self.client = httpx.Client(base_url=running.address, headers=HEADERS[way], timeout=30)
        self.folder = running.log.parent
        self.said = len(running.log.read_text())
        self.before = len(running.opened.read_bytes())
        found = self.client.get("/config").json()
        self.kinds = {one["id"]: one["type"] for one in found["components"]}
        self.events = [event for event in found["dependencies"] if event["backend_fn"]]

    def join(self, event: Any, data: Any, session: str = "t", **more: Any) -> httpx.Response:
        return self.client.post(JOIN, json={"fn_index": event["id"], "session_hash": session, "data": data, **more})

    def answers(self, session: str = "t") -> str:
        """Everything that the queue tells a session, until all its events are done."""
        return self.client.get("/gradio_api/queue/data", params={"session_hash": session}).text

    def upload(self, data: bytes, name: str = "a.png") -> str:
        return self.client.post("/gradio_api/upload", files={"files": (name, data)}).json()[0]

    def opened(self) -> list[Path]:
        """The files and folders that the server has opened since this visitor came, but for code."""
        code = tuple(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, Path(ganzoo.__file__).parents[1]))
        lines = os.fsdecode(self.running.opened.read_bytes()[self.before :]).splitlines()
        return [Path(line) for line in lines if not os.path.realpath(line).startswith(code)]


@pytest.fixture(scope="module", params=WAYS)
def visitor(request: Any, models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "secret.txt").write_text(TOKEN)
    (folder / "secret.png").write_bytes(png(200))
    os.mkfifo(folder / "pipe")
    examples = folder / ".gradio" / "cached_examples"
    examples.mkdir(parents=True)
    (examples / "secret.txt").write_text(TOKEN)
    words = {"GANZOO_PASSWORD": "a long password"} if request.param == "password" else {}
    running = start(models, folder, **OPENING, **words)
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


def test_what_was_selected_is_all_that_event_data_say(visitor: Visitor) -> None:
    """Galleries send the image that was clicked with it, so files in it are left out and never refused."""
    for event in visitor.events:
        data: list[Any] = [None] * len(event["inputs"])
        for name, value in forms(visitor.folder).items():
            if name in ("a file", "an image", "a pipe", "an address", "in a gallery", "a text"):
                for event_data in (value, {"index": 0, "selected": True, "value": value}, {"index": value}):
                    answer = visitor.join(event, data, f"e{event['id']}", event_data=event_data)
                    assert answer.status_code in (200, 503), (event["id"], name, answer.text)  # 503: the queue is full
            if name == "a text":
                break
        answers = visitor.answers(f"e{event['id']}")
        assert TOKEN not in answers
        assert "secret" not in answers
    unread(visitor)


def unread(visitor: Visitor) -> None:
    """No file was opened but those of the server's own folder, and no host was looked up."""
    scratch = next(visitor.folder.glob("ganzoo-serve-*"))
    assert not [path for path in scratch.rglob("*") if path.is_file() and TOKEN in path.read_text(errors="replace")]
    # fonts are read when the first points are drawn
    own = (scratch, *visitor.running.models, Path(matplotlib.get_cachedir()))
    strange = [path for path in visitor.opened() if not any(path == one or one in path.parents for one in own)]
    assert not strange
    assert not re.search("LOOKED UP|STARTED", visitor.running.log.read_text()[visitor.said :])
    assert visitor.client.get("/healthz", timeout=2).status_code == 200


def test_an_image_is_taken_where_it_is_due_and_was_uploaded(visitor: Visitor) -> None:
    path = visitor.upload(png(100))
    foreign = {"url": "http://example.com/a.png", "orig_name": str(visitor.folder / "secret.png"), "is_stream": True}
    value = {"path": path, "meta": META, **foreign}
    images = {event["id"]: [visitor.kinds[one] == "image" for one in event["inputs"]] for event in visitor.events}
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


def test_other_names_of_an_upload_are_none(visitor: Visitor) -> None:
    """Nor are files that the server made for others, though they lie in the same folder."""
    path = Path(visitor.upload(png(150)))
    event = next(e for e in visitor.events if [visitor.kinds[one] for one in e["inputs"]] == ["image"])
    scratch = path.parents[1]
    (scratch / "drawn").mkdir(exist_ok=True)
    (scratch / "drawn" / "seed-0.png").write_bytes(png())
    assert visitor.join(event, [{"path": str(path), "meta": META}], "n").status_code == 200
    others = (scratch / "drawn" / "seed-0.png", scratch, path.parent, path.with_suffix(".PNG"), path.parent / "b.png")
    respelled = (f"{path.parent}/../{path.parent.name}/a.png", f"{path}/", f"/{path}", f"file://{path}", f"{path}\0")
    for other in (*map(str, others), *respelled):
        assert visitor.join(event, [{"path": other, "meta": META}]).status_code == 403, other


def test_an_upload_as_the_page_makes_it(visitor: Visitor) -> None:
    """From the photo to the model's view of it, which the browser sends back, to what the model draws."""
    path = visitor.upload(png(255))
    given = next(e for e in visitor.events if [visitor.kinds[one] for one in e["inputs"]] == ["image"])
    assert visitor.join(given, [{"path": path, "meta": META}], "p").status_code == 200
    done = next(line for line in visitor.answers("p").splitlines() if "process_completed" in line)
    view = json.loads(done.removeprefix("data: "))["output"]["data"][0]
    assert view["path"] != path
    inputs = next(e["inputs"] for e in visitor.events if e["api_name"] == "draw")
    draw = next(e for e in visitor.events if e["api_name"] == "draw")
    plain = {"dropdown": "*", "slider": 1, "textbox": "0", "image": view}
    data = [plain.get(visitor.kinds[one]) for one in inputs]
    data[0] = "picture"
    assert visitor.join(draw, data, "d").status_code == 200
    drawn = visitor.answers("d")
    assert '"success":true' in drawn.replace(" ", "")
    assert "output" in drawn


@pytest.mark.parametrize("path", ["secret.txt", "pipe", ".gradio/cached_examples/secret.txt", "server.log"])
def test_no_file_is_served_but_the_servers_own(visitor: Visitor, path: str) -> None:
    """Nor those of Gradio's folder for examples, which is in the working directory by default."""
    for name in (visitor.folder / path, Path(os.path.relpath(visitor.folder / path, "/"))):
        assert visitor.client.get(f"/gradio_api/file={name}").status_code in (403, 404)
    unread(visitor)


def test_gradios_other_routes_stay_closed(visitor: Visitor) -> None:
    """The guard knows the routes that the page needs; test_what_launching_would_set holds what the environment asks."""
    for path in ("profiling/traces", "profiling/summary", "vibe-code", "deep_link", "runs", "info", "monitoring"):
        assert visitor.client.get(f"/gradio_api/{path}").status_code == 404
    for path in ("vibe-edit", "vibe-code", "call/draw", "call/v2/draw", "run/draw", "api/draw", "stream/x", "upload/x"):
        assert visitor.client.post(f"/gradio_api/{path}", json={"data": [], "code": "1"}).status_code == 404
    for path in ("/dev/reload", "/gradio_api/dev/reload", "/monitoring", "/elsewhere/config"):
        assert visitor.client.get(path).status_code == 404
    assert visitor.client.get("/config").json()["root"] == visitor.running.address


def test_an_uploaded_drawing_is_not_shown_as_a_page(visitor: Visitor) -> None:
    """Gradio would show it in the browser, script and all, had the page not said that it runs."""
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    path = visitor.upload(drawing, "a.svg")
    given = next(e for e in visitor.events if [visitor.kinds[one] for one in e["inputs"]] == ["image"])
    assert visitor.join(given, [{"path": path, "meta": META}], "svg").status_code == 200
    visitor.answers("svg")
    answer = visitor.client.get(f"/gradio_api/file={path}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_without_the_password_nothing_is_read(visitor: Visitor) -> None:
    """The right password is checked before a body is read, and before an upload is stored."""
    if "authorization" not in visitor.client.headers:
        pytest.skip("this server has no password")
    drawn = visitor.upload(png(7))
    scratch = Path(drawn).parents[1]
    before = sorted(scratch.rglob("*"))
    with httpx.Client(base_url=visitor.running.address) as stranger:
        for event in visitor.events:
            for value in (None, {"path": drawn, "meta": META}, *forms(visitor.folder).values()):
                data = [value] * len(event["inputs"])
                answer = stranger.post(JOIN, json={"fn_index": event["id"], "session_hash": "t", "data": data})
                assert answer.status_code == 401
        assert stranger.post("/gradio_api/upload", files={"files": ("b.png", png(8))}).status_code == 401
        for path in ("/", "/config", f"/gradio_api/file={drawn}", "/gradio_api/queue/data?session_hash=t"):
            assert stranger.get(path).status_code == 401
    assert sorted(scratch.rglob("*")) == before
    unread(visitor)


def test_an_upload_that_was_removed_is_no_image(visitor: Visitor) -> None:
    """An open page sends it with every event, also with those of other models, after its file has expired."""
    path = visitor.upload(png(31))
    Path(path).unlink()
    draw = next(e for e in visitor.events if e["api_name"] == "draw")
    kinds = [visitor.kinds[one] for one in draw["inputs"]]
    for model, told in (("plain", "seed-0.png"), ("picture", "First give the model a picture")):
        plain = {"dropdown": "*", "slider": 1, "textbox": "0", "image": {"path": path, "meta": META}}
        data = [model, *(plain.get(kind) for kind in kinds[1:])]
        assert visitor.join(draw, data, f"gone-{model}").status_code == 200
        answers = visitor.answers(f"gone-{model}")
        assert '"success":true' in answers
        assert told in answers


def test_the_newest_uploads_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_UPLOADS", 3)
    uploads = Uploads()
    uploads.update(["/a", "/b", "/c"])
    uploads.update(["/a", "/d"])  # /a is newer than /b again
    assert [path in uploads for path in ("/a", "/b", "/c", "/d", None)] == [True, False, True, True, False]


def test_an_upload_has_a_boundary_and_no_charset(visitor: Visitor) -> None:
    """Gradio would decode each part by it: punycode takes minutes for a megabyte, on the event loop."""
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
    (b'{"fn_index": ' + b"1" * 2000 + b"}", 400),  # which takes long to read
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
JSON = b"application/json"
EVENTS = PageEvents({0: [True, False]}, {"/a"})


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[body[:60].decode("latin-1") for body, _ in BODIES])
def test_what_is_no_request_of_the_page(body: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        EVENTS.checked(JOIN, JSON, body)
    assert refused.value.status == status


def test_a_body_is_written_anew() -> None:
    """So that Gradio reads what was checked, and members that only its own code should set are left out."""
    sent = {
        "fn_index": 0, "session_hash": "t", "data": [{"path": "/a", "url": "http://x", "is_stream": True}, "\u00e9"],
        "event_data": {"index": 3, "selected": False, "value": {"path": "/b"}}, "trigger_id": 5, "batched": True,
        "simple_format": True, "event_id": "x", "oauth_token": "x", "request": {}, "batch_trigger_ids": [1],
    }  # fmt: skip
    for encoding in ("utf-8", "utf-16", "utf-32"):
        body = json.dumps(sent, ensure_ascii=False).encode(encoding)
        kind, made = EVENTS.checked(JOIN, b"Application/JSON; charset=x", body)
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
    for other in (b"", b"text/plain", b"multipart/form-data; boundary=application/json"):  # which any site may send
        with pytest.raises(Refused, match="Content-Type") as refused:
            EVENTS.checked(JOIN, other, b"{}")
        assert refused.value.status == 415


def test_every_body_for_gradio_is_checked() -> None:
    posts = {path for path, methods in {**PAGE, **UPLOADS}.items() if "POST" in methods}
    assert posts == {path for path in {**PAGE, **UPLOADS, **API} if EVENTS.handles(path)}


def test_gradio_alone_reads_no_file_either(tmp_path: Path) -> None:
    """The second barrier, which does not know ours: Gradio's own check, off unless the page has `launched`."""
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
                said = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
                for found in set(re.findall(r"file=(/[^'\"\\ ]+)", said)):
                    assert TOKEN not in client.get(f"/gradio_api/file={found}").text
                assert TOKEN not in said
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
