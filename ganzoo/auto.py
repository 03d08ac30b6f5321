"""What a run is played on and with: what was asked for, and what `auto` chooses for the rest.

Chosen once, when the run begins, and kept with it: threads and precision decide the last bits of a sum, so resuming
never chooses again. The rules know the recipe and the processor and measure no time: the same command on the same
machine is the same run.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganzoo import zoo
from ganzoo.engine import Engine, layout
from ganzoo.errors import GanzooError
from ganzoo.parts import name_of, named, slots
from ganzoo.recipes import Recipe
from ganzoo.specs import DataSpec

SHARE = 2.5e6
"""FLOP of a product that a thread is worth waking for: some hundredths of a millisecond."""
ASKED, NO_BF16 = "asked for", "this processor has no bf16 arithmetic"


def settle(recipe: Recipe, spec: DataSpec, device: str = "auto") -> dict[str, Any]:
    """`device` and `precision`, which must be known before networks are built, and under `why` a reason for each;
    GanzooError for a device that is not here.

    bf16 is for pictures on a CPU that multiplies in it, and for games without a penalty on D's slope: there it is shown
    to learn as fp32 does (`benchmarks/precision.py`). Points gain nothing, and GPUs have not been compared.
    """
    why = {"device": ASKED, "precision": ASKED}
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        why["device"] = "torch finds no GPU" if device == "cpu" else "torch finds this GPU"
    require(device, "try --device cpu")
    precision, emulated = recipe.precision, device == "cpu" and not has_bf16()
    if precision == "auto":
        reasons = {
            "learning in bf16 on a GPU has not been compared with fp32": device != "cpu",
            NO_BF16: emulated,
            "networks of points gain nothing by bf16": spec.kind != "image",
            "a cost asks for fp32, since those of D's slope end a little worse in bf16": _asks_for_fp32(recipe),
        }
        against = next((reason for reason, holds in reasons.items() if holds), None)
        precision = "fp32" if against else "bf16"
        why["precision"] = against or "faster on this processor, and pictures are learned as well as in fp32"
    if precision == "bf16" and emulated:
        logging.getLogger("ganzoo").warning(f"{NO_BF16} and emulates it, slower than fp32")
    return {"device": device, "precision": precision, "why": why}


def require(device: str, rather: str) -> None:
    """GanzooError, which ends in what to do rather, unless torch can use this device here."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise GanzooError(f"device '{device}' cannot be used here; {rather}") from error


def _asks_for_fp32(recipe: Recipe) -> bool:
    """Whether the loss or a term does, as those do whose cost goes through D's gradient."""
    found = []
    for path, slot in slots(zoo.part("game", recipe.game)).items():
        given = recipe.parts.get(path)
        if slot.kind == "loss" and given is not None:
            found.append(getattr(zoo.part("loss", name_of(given)).factory(), "precision", "any"))
        elif slot.kind == "term" and slot.many and isinstance(given, Mapping):
            for use in (named(use, name) for name, use in given.items()):
                default = zoo.part("term", name_of(use)).options()["precision"].default
                found.append(use.get("precision", default) if isinstance(use, Mapping) else default)
    return "fp32" in found


def rehearse(engine: Engine, settled: Mapping[str, Any], threads: int | None = None) -> dict[str, Any]:
    """Rehearse, and settle what depends on the networks: `layout`, how pictures lie in memory, and `threads`, of which
    each is worth waking for its share of a product, up to as many as torch may use: OMP_NUM_THREADS, or the cores."""
    most = torch.get_num_threads()
    with using(1), Products() as products:
        size = engine.rehearse()
    each = products.flop / max(products.count, 1) * engine.batch / size
    last = layout(engine.game) is torch.channels_last
    worth = max(1, min(most, int(each / SHARE)))
    enough = "enough for all" if worth == most else "too little for more"
    why = {
        "layout": "faster for convolutions" if last else "there are no convolutions",
        "threads": ASKED if threads else f"of {most}; a product has {each / 1e6:.3g} MFLOP, {enough}",
    }
    return {
        **settled,
        "layout": "channels-last" if last else "contiguous",
        "threads": threads or worth,
        "why": {**settled["why"], **why},
    }


def _of_derivatives(gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, *rest: Any, **more: Any) -> int:
    """FLOP of a convolution's derivatives, each as many as its own: torch's formula is off by the number of groups."""
    transposed, _, _, mask = rest[4:]
    maps = x if transposed else gradient
    return 2 * weight.numel() * maps.numel() // maps.shape[1] * sum(mask[:2])


FORMULAS = {**flop_registry, torch.ops.aten.convolution_backward: _of_derivatives}


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within: counts products of matrices and convolutions, and the FLOP they take, second derivatives too, which
    torch's own counter refuses."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count, self.flop = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if formula := FORMULAS.get(func.overloadpacket):
            self.count += 1
            self.flop += formula(*args, **(kwargs or {}), out_val=made)
        return made


def has_bf16() -> bool:
    """Whether the CPU multiplies in bfloat16; one that does not emulates it, many times slower than fp32."""
    supported = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # type: ignore[no-untyped-call]
    # on x86 torch calls AVX-512 without the unit support too
    unit = torch.cpu._is_avx512_bf16_supported() or platform.machine() not in ("x86_64", "AMD64")
    return bool(supported and unit)


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Within: torch computes with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
