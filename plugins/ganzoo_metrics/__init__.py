"""Metrics of pictures of any kind, by no network."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The metrics, by reference."""
    zoo.metric("swd", "ganzoo_metrics.sliced:SlicedWasserstein")
