"""Specs: JSON round trip, and every nonsense refused in one sentence."""

import json

import pytest

from ganzoo.errors import RecipeError
from ganzoo.specs import DataSpec, GeneratorSpec, InputSpec, OutputSpec

FULL = GeneratorSpec(
    "G",
    (
        InputSpec("z", shape=(8,), range=(-2.0, 2.0), doc="noise"),
        InputSpec("y", "label", classes=("cat", "dog"), distribution="data", frequencies=(0.25, 0.75)),
        InputSpec("truncation", "scalar", default=1.0, range=(0.0, 1.0)),
        InputSpec("x", "image", (3, 4, 4), "given", range=(0.0, 1.0)),
    ),
    OutputSpec("image", (3, 4, 4), (0.0, 1.0)),
)


def test_json_round_trip() -> None:
    assert GeneratorSpec.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL
    data = DataSpec("image", (1, 8, 8), ("a", "b"), (0.5, 0.5), 10, {"input": (3, 8, 8)})
    assert DataSpec.from_json(json.loads(json.dumps(data.to_json()))) == data


def test_look_up() -> None:
    assert FULL.input("y").classes == ("cat", "dog")
    assert [i.name for i in FULL.of_kind("scalar")] == ["truncation"]
    with pytest.raises(KeyError):
        FULL.input("w")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a b"},
        {"name": 3},
        {"name": "batch"},
        {"name": "truncation"},
        {"name": "label", "kind": "scalar", "default": 0.0, "range": (0.0, 1.0)},
        {"name": "z", "kind": "noise"},
        {"name": "z", "shape": (0,)},
        {"name": "z", "shape": (2.0,)},
        {"name": "z", "shape": "8"},
        {"name": "z", "range": (1.0, 1.0)},
        {"name": "z", "range": (float("nan"), 1.0)},
        {"name": "z", "distribution": 5},
        {"name": "y", "kind": "label", "classes": ("one",)},
        {"name": "y", "kind": "label", "classes": (1, 2)},
        {"name": "y", "kind": "label", "classes": ("a", "b"), "frequencies": (1.0,)},
        {"name": "y", "kind": "label", "classes": ("a", "b"), "frequencies": (-1.0, 2.0)},
        {"name": "y", "kind": "label", "classes": ("a", "b"), "frequencies": (0.0, 0.0)},
        {"name": "s", "kind": "scalar"},
        {"name": "s", "kind": "scalar", "default": "much", "range": (0.0, 1.0)},
        {"name": "x", "kind": "image", "shape": (28, 28)},
    ],
)
def test_nonsense_inputs_are_refused(fields: dict) -> None:
    with pytest.raises(RecipeError) as caught:
        InputSpec(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fields", [("sound", (1,)), ("image", (28, 28)), ("points", (1, 2)), ("image", (1, 0, 3))])
def test_nonsense_outputs_are_refused(fields: tuple) -> None:
    with pytest.raises(RecipeError):
        OutputSpec(*fields)


def test_an_input_declared_twice_is_refused() -> None:
    with pytest.raises(RecipeError, match="twice"):
        GeneratorSpec("G", (InputSpec("z", shape=(2,)), InputSpec("z", shape=(2,))), OutputSpec())


@pytest.mark.parametrize(
    "data",
    [{}, {"name": "G"}, {"name": "G", "inputs": 3, "output": {}}, {"name": 1, "inputs": [], "output": {}}],
)
def test_json_that_is_no_spec_is_refused(data: dict) -> None:
    with pytest.raises(RecipeError):
        GeneratorSpec.from_json(data)
