"""Checks of the requests that a browser sends to Gradio's own routes, made before Gradio reads them.

A value of an event may name a file or an address, and Gradio then opens, copies or downloads it. It restricts this to
uploaded files only for a page that was started by `launch()`; ours is mounted. So such values are refused here, and
Gradio is given a body that is written anew from the members it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any

from ganzoo.app.refusals import Refused

# members of Gradio's FileData and ImageData
FILE_KEYS = frozenset(("path", "url", "meta", "is_stream", "orig_name"))
# in one body, at any depth; the longest list that the page sends is one of 4,096 seeds
MAX_VALUES = 50_000
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAMES_A_FILE = "a value names a file or an address; only an image that was uploaded to this server is taken"


class PageEvents:
    """The events of a page.

    image_inputs   by number of each event: for each of its inputs, whether it takes an image
    uploads        paths of the files that an image may be read from
    """

    def __init__(self, image_inputs: Mapping[int, Sequence[bool]], uploads: Container[str]) -> None:
        self.image_inputs = image_inputs
        self.uploads = uploads
        self._readers = {
            "/gradio_api/queue/join": self._join,
            "/gradio_api/cancel": self._cancel,
            "/gradio_api/reset": self._reset,
        }

    def handles(self, path: str) -> bool:
        """Return whether `checked` knows this path."""
        return path in self._readers

    def checked(self, path: str, content_type: bytes, body: bytes) -> bytes:
        """Return the body for Gradio, as JSON in UTF-8; raise Refused if this is not a body that the page sends."""
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise Refused(415, "content-type", "the body is not said to be JSON; send Content-Type: application/json")
        try:
            found = _parsed(body)
            return json.dumps(self._readers[path](found), ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, RecursionError):  # UnicodeEncodeError, of half a surrogate pair, is a ValueError
            raise Refused(400, "body", "the body is not JSON that the page sends") from None

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


def _parsed(body: bytes) -> dict[str, Any]:
    """Return a JSON object; raise ValueError or RecursionError if there is none, Refused if it is too large."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:  # parsing them would take seconds
        raise Refused(413, "body", f"the body holds more than {MAX_VALUES} values")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("a JSON object is expected")
    return found


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
    index = found.get("index") if isinstance(found, dict) else None
    selected = found.get("selected") if isinstance(found, dict) else None
    return {"index": index if type(index) is int else None, "selected": selected is not False}


def _identifier(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise Refused(400, name, f"'{name}' is not a text of 1 to 64 letters, digits, '_' and '-'")
    return value
