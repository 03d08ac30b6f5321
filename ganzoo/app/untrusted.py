"""JSON that was sent by a client."""

from __future__ import annotations

import json
from typing import Any

# the time that Python takes to read an integer grows with the square of its length
MAX_DIGITS = 1000


def json_value(body: bytes) -> Any:
    """Return the value of a JSON text; raise ValueError or RecursionError if it is none.

    NaN, infinities and integers of more than MAX_DIGITS characters raise ValueError too.
    """
    return json.loads(body, parse_constant=_refused, parse_int=_integer)


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer has more than {MAX_DIGITS} characters")
    return int(text)
