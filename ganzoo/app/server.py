"""Starting and stopping the server."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from ganzoo.app.api import create_app
from ganzoo.errors import GanzooError

DRAIN = 8.0
"""Seconds for jobs under way when the server is told to stop; answers then have one more to end."""
CONNECTIONS = 512
"""At once; the next is answered 503. A page that is open has one or two."""
PATIENCE = 10.0
"""Seconds between looks for connections that ask for nothing: those that do not between two looks are closed."""
LAST_WORDS = 0.3
"""Seconds for the page's streams to say what was drawn."""


def serve(
    models: Sequence[str | Path],
    host: str = "127.0.0.1",
    port: int = 7860,
    root_path: str = "",
    open_browser: bool = False,
) -> None:
    """Serves models until it is told to stop (SIGTERM, Ctrl-C); prints the address when it answers.

    SIGHUP loads the models again; one that is damaged or of another shape is refused, and the old one goes on.

    port   0 takes any that is free
    GanzooError if a model cannot be loaded, the port is taken, or another host than the loopback is asked
    for without a password in GANZOO_PASSWORD.
    """
    host = host.strip("[]")  # as an address of IPv6 is written in front of a port
    password = os.environ.get("GANZOO_PASSWORD") or None
    if password is None and not is_loopback(host):
        raise GanzooError(f"serving on {host} lets others in; set GANZOO_PASSWORD, or use 127.0.0.1")
    with listen(host, port) as listening:
        app = create_app([Path(m) for m in models], password=password, root_path=root_path)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, ws="none",
            timeout_graceful_shutdown=1, timeout_keep_alive=15, lifespan="on", limit_concurrency=CONNECTIONS,
        )  # fmt: skip
        try:
            Server(config, address, open_browser).run(sockets=[listening])
        except KeyboardInterrupt:
            return  # Ctrl-C is how one stops it


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; GanzooError, one sentence, if it cannot."""
    try:
        found_at = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found_at[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise GanzooError(f"cannot serve on {host}: {error.strerror or error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(128)
    except OSError as error:
        found.close()
        reason = f"cannot serve on port {port} of {host}: {error.strerror or error}"
        raise GanzooError(f"{reason}; choose another with --port") from error
    return found


def _has_terminal() -> bool:
    try:
        os.tcgetpgrp(0)
    except OSError:
        return False
    return True


class Server(uvicorn.Server):
    """Says where it is, and finishes what it accepted before it goes."""

    def __init__(self, config: uvicorn.Config, address: str, open_browser: bool) -> None:
        super().__init__(config)
        self.address = address
        self.open_browser = open_browser
        self.had_terminal = _has_terminal()
        self._idle: set[tuple[Any, Any]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then the address on stdout."""
        await super().startup(sockets)
        if self.started:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            print(self.address, flush=True)
            if self.open_browser:
                await asyncio.to_thread(webbrowser.open, self.address)

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's, ten times a second; it waits for ever for a request that does not come or does not end, and so
        few could take every connection there may be."""
        if counter % round(PATIENCE * 10) == 0:
            there = [(one, getattr(one, "cycle", None)) for one in self.server_state.connections]
            idle = {(one, cycle) for one, cycle in there if cycle is None or cycle.response_complete}
            for one, _ in idle & self._idle:
                one.transport.close()
            self._idle = idle
        return await super().on_tick(counter)

    def _reload(self) -> None:
        """Loads the models again, in a thread of its own; says on stderr what could not be. The same signal says that
        the terminal is gone, if there was one: then the server ends."""
        if self.had_terminal and not _has_terminal():
            self.should_exit = True
            return

        def reload() -> None:
            app: Any = self.config.app
            for reason in app.state.studio.reload():
                print(reason, file=sys.stderr, flush=True)

        threading.Thread(target=reload, name="ganzoo-reload", daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """New requests get 503; jobs under way are finished; the page's streams are cut."""
        app: Any = self.config.app
        await app.state.studio.pool.drain(DRAIN)
        await app.state.streams.cut(LAST_WORDS)
        await super().shutdown(sockets)
