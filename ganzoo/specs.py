"""The contract of a generator: what goes in, what comes out.

A generator is a pure function of its declared inputs. Everything that draws, exports, serves or
asks for a picture reads these specs and nothing else, so a generator that a stranger wrote gets
its command line, its page and its ONNX file without a line written for it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ganzoo.errors import RecipeError

InputKind = Literal["latent", "label", "image", "scalar"]
OutputKind = Literal["image", "points", "latent"]
DataKind = Literal["image", "points"]
GIVEN = "given"
TAKEN = ("self", "n", "seed", "seeds", "batch", "model", "format")
"""What `Sampler.sample` and a request over HTTP take beside inputs, so that no input is named so; two more are names of
inputs of one kind."""
OWN = {"label": "label", "truncation": "scalar"}


@dataclass(frozen=True)
class InputSpec:
    """One input of a generator.

    name          letters, digits, underscore; names the ONNX input and the stream its noise comes from
    kind          latent: float32 [N, *shape] of noise · label: int64 [N] ·
                  image: float32 [N, C, H, W] · scalar: float32 []
    shape         without the batch axis; () for labels and scalars
    distribution  latent: the name of a prior, or 'given': another generator of the model makes it ·
                  label: 'uniform', or 'data' (this minibatch's labels in training, the stored class
                  frequencies when sampling) · image, scalar: 'given'
    classes       label: the names, in order
    frequencies   label: how often each class occurs in the data; empty means equally
    range         latent: bounds of a bounded prior; of a normal one (-t, t), the widest truncation that may
                  be asked for · image: what the network expects · scalar: least and greatest
    default       scalar: what is used when nothing is given
    doc           a sentence for the page
    """

    name: str
    kind: InputKind = "latent"
    shape: tuple[int, ...] = ()
    distribution: str = "normal"
    classes: tuple[str, ...] = ()
    frequencies: tuple[float, ...] = ()
    range: tuple[float, float] | None = None
    default: float | None = None
    doc: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise RecipeError(f"an input is named '{self.name}'; letters, digits, underscores are expected")
        here = f"{self.kind} input '{self.name}'"
        if self.name in TAKEN or self.kind != OWN.get(self.name, self.kind):
            raise RecipeError(f"{here} has the name of another argument of Sampler.sample; give it its own")
        if self.kind not in get_args(InputKind):
            raise RecipeError(f"{here} is of no known kind; {', '.join(get_args(InputKind))} are known")
        _check_shape(here, self.shape)
        _check_range(here, self.range)
        if not isinstance(self.distribution, str) or not all(isinstance(c, str) for c in self.classes):
            raise RecipeError(f"{here} has a distribution or a class whose name is not text")
        if self.kind == "image" and len(self.shape) != 3:
            raise RecipeError(f"{here} has the shape {self.shape}; (C, H, W) is due")
        if self.kind == "label" and len(self.classes) < 2:
            raise RecipeError(f"{here} names {len(self.classes)} classes; at least 2 are needed")
        if self.frequencies and len(self.frequencies) != len(self.classes):
            found = f"{len(self.classes)} classes but {len(self.frequencies)} frequencies"
            raise RecipeError(f"{here} has {found}; one each is needed")
        shares = all(_number(f) and f >= 0 for f in self.frequencies) and any(self.frequencies)
        if self.frequencies and not shares:
            raise RecipeError(f"{here} has frequencies that are not shares; numbers from 0 up are needed")
        if self.kind == "scalar" and (not _number(self.default) or self.range is None):
            raise RecipeError(f"{here} needs a default and a range")


@dataclass(frozen=True)
class OutputSpec:
    """What a generator makes.

    kind    image: float32 [N, C, H, W] within `range` · points: float32 [N, d] ·
            latent: float32 [N, *shape], an input of another generator of the model
    shape   without the batch axis
    range   image: least and greatest
    gives   latent: the name of the input, of the model's other generators, that it is made for
    """

    kind: OutputKind = "image"
    shape: tuple[int, ...] = (1, 28, 28)
    range: tuple[float, float] = (-1.0, 1.0)
    gives: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(OutputKind):
            raise RecipeError(f"an output is of kind '{self.kind}'; {', '.join(get_args(OutputKind))} are known")
        _check_shape("the output", self.shape)
        _check_range("the output", self.range)
        due = {"image": (3, "(C, H, W)"), "points": (1, "(d,)"), "latent": (len(self.shape), "")}[self.kind]
        if len(self.shape) != due[0]:
            raise RecipeError(f"an output of kind '{self.kind}' has the shape {self.shape}; {due[1]} is due")
        named = isinstance(self.gives, str) and self.gives.isidentifier()
        if self.kind == "latent" and not named:
            raise RecipeError(f"a latent output gives the input '{self.gives}'; the name of an input is expected")


@dataclass(frozen=True)
class GeneratorSpec:
    """A generator's name, its inputs in the order its forward takes them, and its output.

    The generators of one model are told apart by their specs. One whose output is a latent makes an input
    of the others: without a picture among its inputs it is a *mapping* (a StyleGAN's z -> w; the input it
    gives is declared 'given', with the layers as its first axis if styles can be mixed), with a picture it
    is an *encoder* (a BiGAN's E: x -> z).
    """

    name: str
    inputs: tuple[InputSpec, ...]
    output: OutputSpec

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise RecipeError(f"a generator is named {self.name!r}; text is expected")
        names = [i.name for i in self.inputs]
        if len(set(names)) != len(names):
            raise RecipeError(f"generator '{self.name}' declares an input twice: {', '.join(names)}")

    def input(self, name: str) -> InputSpec:
        """The input of that name; KeyError if there is none."""
        for spec in self.inputs:
            if spec.name == name:
                return spec
        raise KeyError(name)

    def of_kind(self, kind: InputKind) -> tuple[InputSpec, ...]:
        """The inputs of one kind, in order."""
        return tuple(spec for spec in self.inputs if spec.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GeneratorSpec:
        """The spec that `to_json` wrote; RecipeError if it is not one."""
        try:
            inputs = tuple(InputSpec(**_tuples(i)) for i in data["inputs"])
            return cls(name=data["name"], inputs=inputs, output=OutputSpec(**_tuples(data["output"])))
        except (KeyError, TypeError, AttributeError) as error:
            raise RecipeError(f"this is not the spec of a generator: {error}") from error


@dataclass(frozen=True)
class DataSpec:
    """What a source deals: the shape of one sample without the batch axis, and the labels that come with it.

    shape         image: (C, H, W), dealt as uint8 · points: (d,), dealt as float32
    classes       names in the order of the labels; empty when the data has none
    frequencies   share of each class in the data, summing to 1; empty with `classes`
    size          how many samples there are
    pictures      of data of pairs: the shape (C, H, W) of each picture that is dealt beside a sample, by the name of
                  its column
    """

    kind: DataKind
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    frequencies: tuple[float, ...] = ()
    size: int = 0
    pictures: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DataSpec:
        """The spec that `to_json` wrote."""
        return cls(**{**_tuples(data), "pictures": _tuples(data.get("pictures", {}))})


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has lists where the specs have tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}


def _number(value: Any) -> bool:
    """A finite int or float, and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_shape(where: str, shape: Any) -> None:
    """RecipeError unless `shape` is a tuple of whole numbers from 1 up."""
    if not isinstance(shape, tuple) or not all(type(n) is int and n > 0 for n in shape):
        raise RecipeError(f"{where} has the shape {shape}; a tuple of whole numbers from 1 up is needed")


def _check_range(where: str, bounds: Any) -> None:
    """RecipeError unless `bounds` is None or (least, greatest)."""
    if bounds is None:
        return
    whole = isinstance(bounds, tuple) and len(bounds) == 2 and all(_number(b) for b in bounds)
    if not whole or not bounds[0] < bounds[1]:
        raise RecipeError(f"{where} has the range {bounds}; (least, greatest) is needed")
