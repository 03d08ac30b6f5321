"""`ganzoo sample`, `ganzoo export` and `ganzoo inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli.options import as_json, command
from ganzoo.cli.output import emit, quoted, result, say
from ganzoo.cli.values import GIVEN, MAX_SEED, SEEDS, numbers_in, value
from ganzoo.errors import InputError, Interrupted

if TYPE_CHECKING:
    from ganzoo.sampler import Sampler
    from ganzoo.samples import Samples

PATH = click.Path(path_type=Path)
_model = click.argument("model", type=PATH)
_generator = click.option("--generator", metavar="NAME", help="Which generator, if there are several.")


@command("sample", example="ganzoo sample runs/vanilla-digits-1 --seeds 0-99 -o samples.png")
@_model
@click.option("-n", "count", type=click.IntRange(min=1), metavar="N", help="How many (default 16).")
@click.option("--seed", type=click.IntRange(0, MAX_SEED - 1), metavar="S", help="Pictures S, S+1, ...")
@click.option("--seeds", type=SEEDS, metavar="LIST", help="Pictures by their seeds, such as 0-99,3,7.")
@click.option("--like", type=PATH, metavar="PNG", help="Repeat the settings in a picture of ganzoo's.")
@click.option("--label", metavar="L", help="The class to draw, by name or number.")
@click.option("--truncation", type=float, metavar="T", help="Less than 1: nearer the mean, less varied.")
@click.option("--input", "inputs", type=GIVEN, multiple=True, metavar="NAME=VALUE|FILE", help="Such as z=z.npy.")
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="A step that the run kept: 250, 500, 1000, ...")
@_generator
@click.option("--raw", is_flag=True, help="The newest weights, not their moving average.")
@click.option("--shards", type=click.IntRange(min=1), metavar="K", help="Many: K files in the folder OUT.")
@click.option("--format", type=click.Choice(["tar", "npz"]), help="Of shards (default tar; npz of points).")
@click.option("--workers", type=click.IntRange(min=1), metavar="W", help="Processes for shards (default: cores).")
@click.option("-o", "--out", type=PATH, metavar="OUT", help="A .png, .npz, .zip, .tar, folder, .gif, .webp or .mp4.")
def sample(
    model: Path,
    count: int | None,
    seed: int | None,
    seeds: list[int] | None,
    like: Path | None,
    inputs: tuple[tuple[str, str], ...],
    step: int | None,
    generator: str | None,
    raw: bool,
    shards: int | None,
    format: str | None,
    workers: int | None,
    out: Path | None,
    **wishes: Any,
) -> None:
    """Draw samples from a trained model.

    MODEL is a run, a checkpoint, an .onnx file or a folder of them.
    """
    if seeds is not None and (seed is not None or count is not None):
        raise click.UsageError("--seeds already says which and how many; leave out -n and --seed")
    if shards is None and (format is not None or workers is not None):
        raise click.UsageError("--format and --workers are for --shards; add it, or leave them out")
    from ganzoo.images import ANIMATIONS
    from ganzoo.loading import load
    from ganzoo.samples import chunk_of, settings_of

    sampler = load(model, generator=generator, step=step, raw=raw)
    if like is not None and generator is None:
        sampler = sampler.generators.get(str(chunk_of(like).get("generator")), sampler)
    said = {"n": count, "seed": seed, "seeds": seeds, **wishes}
    request, given = {name: value for name, value in said.items() if value is not None}, _inputs(sampler, inputs)
    if twice := request.keys() & given.keys():
        raise click.UsageError(f"the input '{min(twice)}' is given twice; leave out one")
    request |= given
    if like is not None:
        request = settings_of(like, sampler.identity, request, [one.spec for one in sampler.generators.values()])
        request.pop("generator")
    _check_pictures(sampler, request)
    if shards is not None:
        place = out or Path(f"{model.resolve().stem}-shards")
        result(_in_shards(sampler, place, request, {"shards": shards, "format": format, "workers": workers}))
        return
    place = out or Path(f"{model.resolve().stem}-samples.png")
    if place.suffix.lower() in ANIMATIONS:
        film, corners = _film(sampler, request)
        result(film.save(place))
        say(f"a closed walk through {corners} seeds, {len(film)} frames")
        return
    samples = sampler.sample(**request)
    result(samples.save(place))
    say(f"{len(samples)} sample{'s' if len(samples) > 1 else ''} of {model}")


def _film(sampler: Sampler, request: dict[str, Any]) -> tuple[Samples, int]:
    """A closed walk through the seeds that are asked for, 18 frames from each to the next, and how many they are."""
    from ganzoo.feeds import DEFAULT_N

    first, count = request.pop("seed", 0), request.pop("n", DEFAULT_N)
    seeds = request.pop("seeds", None) or range(first, first + count)
    if not 2 <= len(seeds) <= 1000:
        raise InputError("n", f"a film walks from seed to seed; 2 to 1,000 seeds are needed, not {len(seeds):,}")
    if not sampler.spec.of_kind("latent"):
        raise InputError("out", f"generator '{sampler.spec.name}' has no latent to walk through; save a .png")
    return sampler.interpolate(seeds[0], seeds[-1], 19, via=seeds[1:-1], loop=True, **request), len(seeds)


def _in_shards(sampler: Sampler, out: Path, request: Mapping[str, Any], how: Mapping[str, Any]) -> Path:
    """Fills the folder and returns it; a signal keeps what is finished."""
    from ganzoo.cli.counting import counting
    from ganzoo.signals import finish_on_signals

    def stop(number: int) -> None:
        again = f"the shards that are finished are in {out}, and the same command goes on"
        raise Interrupted(f"interrupted; {again}", number)

    total = sampler.count(**request)
    with finish_on_signals(stop), counting(total) as progress:
        sampler.shards(out, progress=progress, **request, **how)
    say(f"{total:,} samples in {how['shards']} shard{'s' if how['shards'] > 1 else ''}")
    return out


def _inputs(sampler: Sampler, pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Inputs by name. A file given alone is the generator's one image input; a latent may be a file of numbers."""
    kinds = {spec.name: spec.kind for one in (*sampler.generators.values(), sampler) for spec in one.spec.inputs}
    images = [spec.name for spec in sampler.spec.of_kind("image")]
    given: dict[str, Any] = {}
    for name, text in pairs:
        if not name and len(images) != 1:
            raise InputError("input", f"this generator has {len(images)} image inputs; write --input NAME=FILE")
        key = name or images[0]
        if key in given:
            raise click.UsageError(f"the input '{key}' is given twice")
        given[key] = _read(kinds.get(key), key, text)
    return given


def _read(kind: str | None, name: str, text: str) -> Any:
    """What is written for an input. A class is named before it is numbered: '3' stays text, and so does a file."""
    written = value(text)
    if kind == "latent" and isinstance(written, str):
        return numbers_in(written, name)
    return written if isinstance(written, list) or kind not in ("label", "image") else text


def _check_pictures(sampler: Sampler, request: Mapping[str, Any]) -> None:
    """InputError, in the command line's words, if the picture that a generator starts from is not given."""
    for image in sampler.spec.of_kind("image"):
        if request.get(image.name) is None:
            text = f"generator '{sampler.spec.name}' starts from a picture"
            raise InputError(image.name, f"{text}; give one by --input {image.name}=FILE")


@command("export", example="ganzoo export runs/vanilla-digits-1 -o vanilla.onnx")
@_model
@click.option("-o", "--out", type=PATH, metavar="PATH", help="An .onnx file, or a folder for all generators.")
@_generator
@click.option("--half", is_flag=True, help="Store weights as fp16: half the size.")
@click.option("--web", type=PATH, metavar="DIR", help="Instead: a web site that needs no server program.")
@click.option("--runtime", type=PATH, metavar="DIR", help="For --web offline: onnxruntime-web, a folder or .tgz.")
def export(
    model: Path, out: Path | None, generator: str | None, half: bool, web: Path | None, runtime: Path | None
) -> None:
    """Write a model as self-describing ONNX, or as a web site.

    MODEL is a run or a checkpoint; each generator becomes one file. --web takes exported models too.
    """
    if runtime is not None and web is None:
        raise click.UsageError("--runtime is for --web; add it, or leave --runtime out")
    if web is not None and out is None:
        _site(model, web, {"generator": generator, "half": half, "package": runtime})
        return
    if out is None or web is not None:
        raise click.UsageError("name an .onnx file or a folder by --out (-o), or the folder of a site by --web")
    from ganzoo.exporter import export as write

    for file in write(model, out, generator=generator, half=half):
        result(file.path)
        say(f"{file.generator}: {file.size:,} bytes, at most {file.apart} from the model")
    say(f"\nTry next:\n  ganzoo serve {quoted(out)} --open")


def _site(model: Path, web: Path, options: dict[str, Any]) -> None:
    """Writes a web site and says how to look at it."""
    from ganzoo.web.site import export_site

    result(export_site(model, web, say=say, **options))
    say(f"\nTry next:\n  python3 -m http.server -d {quoted(web)}\nand open http://localhost:8000")


@command("inspect", example="ganzoo inspect vanilla.onnx")
@_model
@as_json
def inspect(model: Path, json_: bool) -> None:
    """Describe a model or a run.

    Its inputs and output, recipe, data, versions and checksum.
    """
    from ganzoo.inspect import inspect as look
    from ganzoo.inspect import table

    found = look(model)
    if json_:
        emit(found)
    else:
        result(table(found))
