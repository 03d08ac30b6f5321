"""The web sampler: a page and an HTTP API over trained generators, on the loopback unless a password is set."""

from __future__ import annotations

from ganzoo.app.server import serve

__all__ = ["serve"]
