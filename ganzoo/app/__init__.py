"""The web sampler: a page and an HTTP API over trained generators."""

from __future__ import annotations

from ganzoo.app.server import serve

__all__ = ["serve"]
