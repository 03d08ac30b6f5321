"""The two hooks of ganzoo. A plugin is a module with one or both of them, declared as an entry point
of the group `ganzoo`, or lying as a file in the folder that `--plugins-dir` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ganzoo.registrar import Registrar

hookspec = pluggy.HookspecMarker("ganzoo")
hookimpl = pluggy.HookimplMarker("ganzoo")


@hookspec
def ganzoo_register(zoo: Registrar) -> None:
    """Add parts and variants: `zoo.loss("mine", Mine)`. Called once; nothing else may happen here."""


@hookspec
def ganzoo_observe(run: Any) -> Any:
    """Watch a run: return an object with any of these, or None.

    started()                before the first step
    said(text)               a line for the reader of the log
    stepped(step)            now and then between steps, at most ten times a second
    measured(step, metrics)  a row of metrics.jsonl
    pictured(step, path)     a grid of samples was drawn
    saved(step, path)        a checkpoint was written
    ended(status)            'done', 'interrupted', 'non-finite' or 'failed'
    """
    return None
