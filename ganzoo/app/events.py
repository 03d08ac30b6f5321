"""Checks of the requests that a browser sends to Gradio's own routes, made before Gradio reads them.

A value of an event may name a file or an address, and Gradio then opens, copies or downloads it. Gradio's own check,
that such a file was uploaded, is active only if `has_launched` is set. `launch()` does that and mounting does not, so
`page.py` sets it. The checks here run before Gradio's and do not rely on it: values that name files are refused, and
Gradio receives a body that is written anew from the members it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
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
# what browsers and programs send; the pattern leaves out `charset`, by which Gradio would decode each part, and some of
# Python's codecs take minutes for a megabyte
MULTIPART = re.compile(rb"""multipart/form-data;[ ]?boundary=("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1""")
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
        self._readers = {
            "/gradio_api/queue/join": self._join,
            "/gradio_api/cancel": self._cancel,
            "/gradio_api/reset": self._reset,
        }

    def handles(self, path: str) -> bool:
        """Return whether `checked` knows this path."""
        return path in self._readers or path == UPLOAD_PATH

    def checked(self, path: str, content_type: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return Content-Type and body for Gradio; raise Refused if they are not what the page sends.

        The body of an upload stays as it is: Gradio stores its files under names of its own. Others become JSON in
        UTF-8.
        """
        if path == UPLOAD_PATH:
            return _multipart(content_type), body
        if content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise Refused(415, "content-type", "the body is not said to be JSON; send Content-Type: application/json")
        try:
            found = _parsed(body)
            made = json.dumps(self._readers[path](found), ensure_ascii=False, allow_nan=False)
            return b"application/json", made.encode()
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


def _multipart(content_type: bytes) -> bytes:
    """Return the Content-Type of an upload, with its boundary alone; raise Refused if it is another one."""
    found = MULTIPART.fullmatch(content_type)
    if found is None:
        raise Refused(415, "content-type", "an upload is multipart/form-data with a boundary and no other parameter")
    return b"multipart/form-data; boundary=" + found[2]


def _parsed(body: bytes) -> dict[str, Any]:
    """Return a JSON object; raise ValueError or RecursionError if there is none, Refused if it is too large."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:  # parsing them would take seconds
        raise Refused(413, "body", f"the body holds more than {MAX_VALUES} values")
    found = json_value(body)
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
