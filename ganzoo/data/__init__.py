"""Data: sources by name, and what they deal. Nothing here imports torch before tensors are asked for."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ganzoo.data.arrays import npz
from ganzoo.data.digits import digits, embedded
from ganzoo.data.folder import folder
from ganzoo.data.mnist import fashion_mnist, kmnist, mnist, stacked_mnist
from ganzoo.data.pairs import Pairs, pairs
from ganzoo.data.points import grid, ring
from ganzoo.data.root import data_root
from ganzoo.data.source import Content, Points, Samples, Source, prepare
from ganzoo.data.vision import celeba, cifar10, cifar100, svhn
from ganzoo.errors import RecipeError
from ganzoo.specs import DataSpec

__all__ = [
    "Content", "Pairs", "Points", "Samples", "Source", "celeba", "cifar10", "cifar100", "data_root", "digits",
    "embedded", "fashion_mnist", "folder", "grid", "kmnist", "mnist", "npz", "open_source", "pairs",
    "prepare", "ring", "stacked_mnist", "svhn",
]  # fmt: skip


def open_source(name: str, root: Path | None = None, /, **options: Any) -> Source:
    """The source `name`, or `name:argument` (everything after the first colon), of the core or of a plugin.

    root     where data sets lie; None: GANZOO_DATA, else the user's cache folder
    options  the keyword-only parameters of its factory
    RecipeError for a name or an option there is not, DataError for data that is missing or unfit.
    """
    from ganzoo import zoo

    short, colon, argument = name.partition(":")
    part = zoo.part("source", short)
    takes = inspect.signature(part.factory()).parameters.get("argument")
    if colon and takes is None:
        raise RecipeError(f"source '{short}' takes no argument; leave out ':{argument}'")
    if not argument and takes is not None and takes.default is takes.empty:
        raise RecipeError(f"source '{short}' needs an argument after a colon; write {short}:PATH")
    given = {"root": root} | ({"argument": argument} if colon else {})
    source: Source = part.build({"name": short, **options}, given)
    if not isinstance(getattr(source, "spec", None), DataSpec):
        raise RecipeError(
            f"source '{short}' gave a {type(source).__name__}, which has no spec; give a Samples, for instance"
        )
    return source
