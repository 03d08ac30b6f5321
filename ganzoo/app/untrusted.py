"""JSON that a client sends."""

from __future__ import annotations

import json
from typing import Any

from ganzoo.app.refusals import Refused

# the time that Python takes to read an integer grows with the square of its length
MAX_DIGITS = 1000


def json_value(content_type: str, body: bytes) -> Any:
    """Return the value of a JSON body; raise Refused (415) if the Content-Type is another one.

    ValueError or RecursionError if the body is not JSON, or holds NaN, an infinity, or an integer of more than
    MAX_DIGITS characters.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "content-type", "the body is not said to be JSON; send Content-Type: application/json")
    return json.loads(body, parse_constant=_refused, parse_int=_integer)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer has more than {MAX_DIGITS} characters")
    return int(text)
