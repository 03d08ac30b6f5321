"""The command line: a thin, lazy shell over public Python calls.

Every command is one call, imported inside the command, so `--help`, `--version`, shell completion and
everything done with an ONNX file load neither torch nor a plugin. Results go to stdout, talk to stderr.
"""

from __future__ import annotations

from typing import NoReturn

from ganzoo.cli.group import Ganzoo

COMMANDS = {
    "train": "training",
    "resume": "training",
    "sample": "generating",
    "export": "generating",
    "inspect": "generating",
    "serve": "serving",
    "evaluate": "benching",
    "bench": "benching",
    "variants": "listing",
    "parts": "listing",
    "data": "listing",
    "plugins": "listing",
    "check": "checking",
    "new-plugin": "scaffolding",
}
"""Each command and the module of this package that holds it, in the order of `--help`."""

cli = Ganzoo(COMMANDS)


def main() -> NoReturn:
    """What the console script calls: run the command in `sys.argv` and exit with its code."""
    cli.main(prog_name="ganzoo")
    raise SystemExit(0)
