"""Checks of the requests that a browser sends to Gradio's own routes, made before Gradio reads them.

A value of an event may name a file or an address, and Gradio then opens, copies or downloads it. Gradio's own check,
that such a file was uploaded, is active only if `has_launched` is set. `launch()` does that and mounting does not, so
`page.py` sets it. The checks here run before Gradio's and do not rely on it: values that name files are refused, and
Gradio receives a body that is written anew from the members it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ganzoo.app.refusals import Refused
from ganzoo.app.untrusted import json_value

UPLOAD_PATH = "/gradio_api/upload"
# members of Gradio's FileData and ImageData
FILE_KEYS = frozenset(("path", "url", "meta", "is_stream", "orig_name"))
# counted as ',', '[' and '{' in the bytes, those inside texts included; the most that the page sends is a request
# with 4,096 seeds, as a text
MAX_VALUES = 50_000
MAX_UPLOADS = 10_000
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
# what browsers and programs send. It has no `charset`: Gradio would decode each part by it, and the time of some codecs
# (punycode) grows with the square of the size
MULTIPART = re.compile(r"""multipart/form-data;[ ]?boundary=("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1""")
NAMES_A_FILE = (
    "a value names a file or begins with 'data:'; only an image that was uploaded to this server is taken, as an image"
)


class Uploads:
    """Paths of the newest files that were uploaded to the server or made of an upload.

    It takes the place of Gradio's set of uploads. Gradio forgets a file when it deletes it, but a page that is still
    open sends the path with every event.
    """

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def update(self, paths: Iterable[str]) -> None:
        """Add paths; the oldest beyond MAX_UPLOADS are forgotten."""
        for path in paths:
            self._paths.pop(path, None)
            self._paths[path] = None
        while len(self._paths) > MAX_UPLOADS:
            del self._paths[next(iter(self._paths))]


class PageEvents:
    """The events of a page.

    image_inputs   by number of each event: for each of its inputs, whether it takes an image
    uploads        paths of uploaded images and of the images made of them
    """

    def __init__(self, image_inputs: Mapping[int, Sequence[bool]], uploads: Container[str]) -> None:
        self.image_inputs = image_inputs
        self.uploads = uploads
        self._checks: Mapping[str, Callable[[str, bytes], tuple[str, bytes]]] = {
            UPLOAD_PATH: _upload,
            "/gradio_api/queue/join": partial(_rewritten, self._join),
            "/gradio_api/cancel": partial(_rewritten, self._cancel),
            "/gradio_api/reset": partial(_rewritten, self._reset),
        }

    def handles(self, path: str) -> bool:
        """Return whether `checked` knows this path."""
        return path in self._checks

    def checked(self, path: str, content_type: str, body: bytes) -> tuple[str, bytes]:
        """Return Content-Type and body for Gradio; raise Refused if they are not what the page sends."""
        return self._checks[path](content_type, body)

    def _join(self, body: Mapping[str, Any]) -> dict[str, Any]:
        number, data = self._number(body), body.get("data")
        images = self.image_inputs[number]
        if not isinstance(data, list) or len(data) != len(images):
            raise Refused(400, "data", f"the data of this event are a list of {len(images)} values")
        return {
            "fn_index": number,
            "session_hash": _identifier(body, "session_hash"),
            "data": [self._value(value, image) for value, image in zip(data, images)],
            "event_data": _event_data(body.get("event_data")),
        }

    def _cancel(self, body: Mapping[str, Any]) -> dict[str, Any]:
        texts = {name: _identifier(body, name) for name in ("session_hash", "event_id")}
        return {"fn_index": self._number(body), **texts}

    def _reset(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"event_id": _identifier(body, "event_id")}

    def _number(self, body: Mapping[str, Any]) -> int:
        number = body.get("fn_index")
        if type(number) is not int or number not in self.image_inputs:
            raise Refused(404, "fn_index", "there is no such event")
        return number

    def _value(self, value: Any, image: bool) -> Any:
        """Return the value of one input, of an image with its path only; raise Refused if it names another file."""
        if image and value is not None:
            path = value.get("path") if isinstance(value, dict) else None
            if not isinstance(path, str) or path not in self.uploads:
                raise Refused(403, "data", NAMES_A_FILE)
            return {"path": path, "meta": {"_type": "gradio.FileData"}}
        _refuse_files(value)
        return value


def _upload(content_type: str, body: bytes) -> tuple[str, bytes]:
    """Return an upload with the boundary as the only parameter; Gradio stores its files under names of its own."""
    found = MULTIPART.fullmatch(content_type)
    if found is None:
        raise Refused(415, "content-type", "an upload is multipart/form-data with a boundary and no other parameter")
    return f"multipart/form-data; boundary={found[2]}", body


def _rewritten(
    members: Callable[[Mapping[str, Any]], dict[str, Any]], content_type: str, body: bytes
) -> tuple[str, bytes]:
    """Return a JSON object as its checked members alone, in UTF-8; `members` checks them."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:  # reading them would take seconds
        raise Refused(413, "body", f"the body holds more than {MAX_VALUES} values")
    try:
        found = json_value(content_type, body)
        if not isinstance(found, dict):
            raise ValueError("a JSON object is expected")
        made = json.dumps(members(found), ensure_ascii=False, allow_nan=False)
        return "application/json", made.encode()
    except (ValueError, RecursionError):  # UnicodeEncodeError, of half a surrogate pair, is a ValueError
        raise Refused(400, "body", "the body is not JSON that the page sends") from None


def _refuse_files(value: Any) -> None:
    """Raise Refused if a value, at any depth, has a member of a file's description or is a `data:` address."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if not FILE_KEYS.isdisjoint(one):
                raise Refused(403, "data", NAMES_A_FILE)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, str) and one.lstrip()[:5].lower() == "data:":
            raise Refused(403, "data", NAMES_A_FILE)


def _event_data(found: Any) -> dict[str, Any]:
    """Return the index of the selected item. A gallery also sends the path of the image; that is left out."""
    given = found if isinstance(found, dict) else {}
    index = given.get("index")
    return {"index": index if type(index) is int else None, "selected": given.get("selected") is not False}


def _identifier(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise Refused(400, name, f"'{name}' is not a text of 1 to 64 letters, digits, '_' and '-'")
    return value
