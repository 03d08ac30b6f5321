"""What strangers are told of the data a model was trained on: what they are called, not where they lie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any


def placeless(name: str) -> str:
    """A source's name for strangers: of data in a file or folder what that is called, not where it lies."""
    kinds, where = re.fullmatch(r"((?:[\w-]+:)*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return str(kinds + PurePath(where).name)


def placeless_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """A model's card for strangers: of data in a file or folder the name, not the place."""
    options = card.get("data_options", {})
    options = {key: placeless(value) if _absolute(value) else value for key, value in options.items()}
    told = {"data": placeless(str(card.get("data", ""))), "data_options": options}
    return {**card, **{key: value for key, value in told.items() if key in card}}


def _absolute(value: Any) -> bool:
    return isinstance(value, str) and Path(value).expanduser().is_absolute()
