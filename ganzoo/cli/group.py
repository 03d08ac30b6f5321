"""The program itself: commands loaded when used, strangers' commands guarded, errors as one sentence."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli.options import Settings, everywhere
from ganzoo.errors import GanzooError, InputError, PluginError, SpaceError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

HELP = """A pluggable zoo of GANs: train, resume, sample, export and serve them.

\b
Start here:
  ganzoo train --variant vanilla
"""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
"""Errors of the system that mean: no space left, or not writable."""
SEEDS = ("seed", "seeds")
"""Inputs that are a matter of the command line, whether it or the sampler finds what is wrong with them."""


class Ganzoo(click.Group):
    """A group that imports a command's module when the command is used.

    modules: each command's name and the module of `ganzoo.cli` that holds it under that name
    """

    def __init__(self, modules: Mapping[str, str]) -> None:
        super().__init__(
            "ganzoo",
            params=everywhere(hidden=False),
            help=HELP,
            invoke_without_command=True,
            callback=_help_without_command,
            context_settings={"help_option_names": ["-h", "--help"]},
            subcommand_metavar="COMMAND [ARGS]...",
        )
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.modules, *sorted(strangers(self.modules))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.modules:
            module = importlib.import_module(f"ganzoo.cli.{self.modules[cmd_name]}")
            found: click.Command = getattr(module, cmd_name.replace("-", "_"))
            return found
        entry = strangers(self.modules).get(cmd_name)
        return None if entry is None else Stranger(cmd_name, entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            guess = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"there is no command '{name}'{guess}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, turn every exception into one sentence on stderr, and exit with its code."""
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        settings = extra.setdefault("obj", Settings())
        try:
            code = run(*args, standalone_mode=False, **extra)
        except BaseException as error:  # the one place where everything is caught
            if isinstance(error, SystemExit):
                raise
            if isinstance(error, click.Abort) and error.__cause__ is not None:
                error = error.__cause__
            if settings.debug and not isinstance(error, click.ClickException):
                import traceback

                traceback.print_exception(error)
            code, sentence = verdict(error)
            click.echo(sentence, err=True)
        sys.exit(code if isinstance(code, int) else 0)


def _help_without_command() -> None:
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def verdict(error: BaseException) -> tuple[int, str]:
    """The exit code of an error and the sentence that stands for it."""
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "ganzoo"
        return error.exit_code, f"{path}: {error.format_message().rstrip('.')} (see {path} --help)"
    if isinstance(error, click.ClickException):
        return error.exit_code, f"ganzoo: {error.format_message()}"
    if isinstance(error, InputError) and error.field in SEEDS:
        return click.UsageError.exit_code, f"ganzoo: {error}"
    if isinstance(error, GanzooError):
        return error.exit_code, f"ganzoo: {error}"
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return 130, "ganzoo: interrupted"
    if isinstance(error, OSError) and error.strerror:
        place = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        code = SpaceError.exit_code if error.errno in NO_ROOM else GanzooError.exit_code
        return code, f"ganzoo: {error.strerror.lower()}{place}"
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("ganzoo"):
        package = error.name.partition(".")[0]
        return 1, f"ganzoo: this needs '{package}', which is not installed; run: pip install {package}"
    what = ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))
    return 1, f"ganzoo: an unexpected {what}; run again with --debug, and report it"


def strangers(ours: Mapping[str, str]) -> dict[str, EntryPoint]:
    """Commands that other distributions declare in the group `ganzoo.commands`; nothing is loaded.

    A name that two distributions claim, or that is one of ours, is written `distribution/name`.
    `GANZOO_PLUGINS` narrows them to the distributions of the plugins it names.
    """
    from importlib.metadata import entry_points

    wanted = os.environ.get("GANZOO_PLUGINS")
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    declared = entry_points(group="ganzoo.commands")
    entries = [entry for entry in declared if names is None or _plugins(entry) & names]
    found: dict[str, EntryPoint] = {}
    for entry in entries:
        alone = entry.name not in ours and sum(other.name == entry.name for other in entries) == 1
        found[entry.name if alone else f"{_distribution(entry)}/{entry.name}"] = entry
    return found


def _plugins(entry: EntryPoint) -> set[str]:
    """The names of the plugins that come in the same distribution as a command."""
    return {e.name for e in entry.dist.entry_points if e.group == "ganzoo"} if entry.dist else set()


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown"


class Stranger(click.Command):
    """A third party's command: its name alone fills `--help`; it is loaded when it is used."""

    def __init__(self, name: str, entry: EntryPoint) -> None:
        super().__init__(name, help=f"(from {_distribution(entry)})")
        self.entry = entry

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the real command; PluginError if that cannot be loaded."""
        what = f"the command '{self.name}' of {_distribution(self.entry)}"
        try:
            real = self.entry.load()
        except (Exception, SystemExit) as error:
            raise PluginError(f"{what} could not be loaded: {error!r}") from error
        if not isinstance(real, click.Command):
            raise PluginError(f"{what} is not a click command; it is {self.entry.value}")
        return real.make_context(info_name, args, parent=parent, **extra)
