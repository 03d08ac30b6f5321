"""A server in a process of its own, which records the files it opens and the hosts it looks up."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import ganzoo

SERVER = """
import os, sys

opened = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
local = ("127.0.0.1", "localhost", "::1", None)

def audit(event, args):
    if event in ("open", "os.listdir", "os.scandir", "os.link", "os.symlink") and not isinstance(args[0], int):
        os.write(opened, os.fsencode(args[0] or ".") + b"\\n")
    elif event.startswith("socket.get") and args[0] not in local:
        print("LOOKED UP", args[0], file=sys.stderr, flush=True)
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple) and args[1][0] not in local:
        print("LOOKED UP", args[1], file=sys.stderr, flush=True)
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        print("STARTED", args[0] if args else event, file=sys.stderr, flush=True)

sys.addaudithook(audit)
from ganzoo.app import serve
serve(sys.argv[2:], port=0)
"""


@dataclass
class Running:
    """A server; `log` is what it wrote on stderr, `opened` has a line for each file that it opened."""

    process: subprocess.Popen[str]
    address: str
    models: list[Path]
    log: Path
    opened: Path


def start(models: list[Path], folder: Path, **environment: str) -> Running:
    """Start a server with `folder` as its working directory and for its temporary files, and wait for its address."""
    log, opened = folder / "server.log", folder / "opened.log"
    known = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO", "HF_", "GANZOO"))}
    known |= {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder), **environment}
    root = str(Path(ganzoo.__file__).parent.parent)
    known["PYTHONPATH"] = os.pathsep.join(filter(None, [root, known.get("PYTHONPATH", "")]))
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(opened), *map(str, models)],
            stdout=subprocess.PIPE, stderr=written, text=True, env=known, cwd=folder,
        )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), log.read_text()
    return Running(process, address, models, log, opened)
