"""The options every command takes, before or after its name, and the class that gives them to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

VERSIONS = ("torch", "onnxruntime")
"""What `--version` names beside ganzoo and Python."""


@dataclass
class Settings:
    """What the options of every command were set to."""

    debug: bool = False
    quiet: bool = False
    plugins_dir: Path | None = None
    strict_plugins: bool = False

    def apply(self) -> None:
        """Tell the plugin loader, which has not loaded anything yet."""
        if self.plugins_dir is not None or self.strict_plugins:
            from ganzoo.zoo import configure

            configure(folder=self.plugins_dir, strict=self.strict_plugins)


def settings(ctx: click.Context | None = None) -> Settings:
    """The settings of the command that is running."""
    found: Settings = (ctx or click.get_current_context()).ensure_object(Settings)
    return found


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and param.name:
        setattr(settings(ctx), param.name, value)


def _print_versions(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Versions as the installed distributions state them: nothing is imported."""
    if not value or ctx.resilient_parsing:
        return
    import platform
    from importlib.metadata import PackageNotFoundError, version

    def stated(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    click.echo(f"ganzoo {stated('ganzoo')}")
    click.echo(f"python {platform.python_version()}")
    for name in VERSIONS:
        click.echo(f"{name} {stated(name)}")
    ctx.exit()


def everywhere(hidden: bool) -> list[click.Parameter]:
    """Fresh copies of the options of every command; `hidden` leaves them out of the command's own help."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    shared: dict[str, Any] = {"expose_value": False, "callback": _keep, "hidden": hidden}
    flag: dict[str, Any] = {"is_flag": True, "is_eager": True, **shared}
    return [
        click.Option(["--debug"], help="Show the traceback of an error.", **flag),
        click.Option(["-q", "--quiet"], help="Print warnings and final paths only.", **flag),
        click.Option(["--plugins-dir"], type=folder, metavar="DIR", help="Load plugins from DIR.", **shared),
        click.Option(["--strict-plugins"], help="Stop when a plugin is broken.", **flag),
        click.Option(["--version"], help="Print versions.", **{**flag, "callback": _print_versions}),
    ]


class Command(click.Command):
    """A command that also takes the options of every command."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += everywhere(hidden=True)

    def invoke(self, ctx: click.Context) -> Any:
        settings(ctx).apply()
        return super().invoke(ctx)


def command(name: str, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command: its help is the docstring, and one example stands under it."""
    epilog = f"\b\nExample:\n  {example}\n\nOptions of every command: ganzoo --help"
    return click.command(name, cls=Command, epilog=epilog)


def as_json(what: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--json` of every list."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(what)
