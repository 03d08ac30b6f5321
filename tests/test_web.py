"""The web site of a model: put together whole or not at all, and run in a real browser."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from app_model import tiny
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo import onnx_file, priors
from ganzoo.cli import cli
from ganzoo.errors import DamagedFile, GanzooError, InputError, PluginError, SpaceError
from ganzoo.samples import chunk_of, settings_of
from ganzoo.specs import GeneratorSpec, InputSpec, OutputSpec
from ganzoo.web import runtime
from ganzoo.web.site import check_target, export_site


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of the right shape, unpacked; it runs nothing."""
    folder = tmp_path / "package"
    (folder / "dist").mkdir(parents=True)
    for name in (runtime.SCRIPT, runtime.BINARY):
        (folder / "dist" / name).write_text(name)
    return folder


def inside(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_site_is_whole(tmp_path: Path, package: Path) -> None:
    model = tiny(tmp_path / "m.onnx")
    site = export_site(model, tmp_path / "a" / "site", package=package)
    index = json.loads((site / "site.json").read_text())
    assert inside(site) == set(index["files"])
    assert (site / "model-0.onnx").read_bytes() == model.read_bytes()
    assert "Copyright (c) Microsoft" in (site / "runtime" / "LICENSE.txt").read_text()
    (one,) = index["generators"]
    assert (
        GeneratorSpec.from_json({**one["spec"], "inputs": _without_streams(one["spec"])}) == onnx_file.read(model).spec
    )
    assert sorted(p.name for p in site.parent.iterdir()) == ["site"], "nothing is left beside it"


def _without_streams(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [{k: v for k, v in entry.items() if k != "stream"} for entry in spec["inputs"]]


def test_a_folder_of_models_is_one_site_with_the_default_first(tmp_path: Path, package: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    _renamed(tiny(folder / "a.onnx"), "A", default=False)
    _renamed(tiny(folder / "g.onnx", "conditional"), "G", default=True)
    site = export_site(folder, tmp_path / "site", package=package)
    assert [g["spec"]["name"] for g in json.loads((site / "site.json").read_text())["generators"]] == ["G", "A"]
    site = export_site(folder, tmp_path / "one", "A", package=package)
    assert [g["spec"]["name"] for g in json.loads((site / "site.json").read_text())["generators"]] == ["A"]
    with pytest.raises(InputError, match="no generator 'B'; choose from G, A"):
        export_site(folder, tmp_path / "none", "B", package=package)
    _renamed(tiny(folder / "b.onnx"), "B", default=True)
    with pytest.raises(DamagedFile, match=r"b.onnx and .*g.onnx are of two models, each the first of its own"):
        export_site(folder, tmp_path / "two", package=package)


def _renamed(path: Path, name: str, **card: Any) -> Path:
    """The same model, its metadata saying another name, prior or card."""
    import onnx

    model = onnx.load(path)
    found = json.loads(next(p.value for p in model.metadata_props if p.key == "ganzoo"))
    found["spec"]["name"] = name
    for entry in found["spec"]["inputs"]:
        if entry["kind"] == "latent":
            entry["distribution"] = card.get("prior", entry["distribution"])
    del model.metadata_props[:]
    model.metadata_props.add(key="ganzoo", value=json.dumps({**found, **card}))
    data = model.SerializeToString()
    path.write_bytes(data + onnx_file.trailer(data))
    return path


def test_no_name_in_a_model_becomes_a_path(tmp_path: Path, package: Path) -> None:
    model = _renamed(tiny(tmp_path / "m.onnx"), "../../evil")
    site = export_site(model, tmp_path / "site", package=package)
    assert "model-0.onnx" in inside(site)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_plugins_prior_is_refused(tmp_path: Path, package: Path) -> None:
    model = _renamed(tiny(tmp_path / "m.onnx"), "G", prior="strange")
    with pytest.raises(PluginError, match=r"'strange'.*normal, uniform, sphere"):
        export_site(model, tmp_path / "site", package=package)
    assert not (tmp_path / "site").exists()


def test_generators_that_feed_each_other_are_left_out(tmp_path: Path, package: Path) -> None:
    folder, said = tiny(tmp_path / "styled", "styled"), []
    for generator in (None, "mapping", "synthesis"):
        with pytest.raises(InputError, match=r"another one's latents .*; use 'ganzoo serve'"):
            export_site(folder, tmp_path / "site", generator, package=package)
    assert not (tmp_path / "site").exists()
    tiny(folder / "G.onnx")
    site = export_site(folder, tmp_path / "site", package=package, say=said.append)
    assert [g["spec"]["name"] for g in json.loads((site / "site.json").read_text())["generators"]] == ["G"]
    assert "leaves out synthesis, mapping, which" in said[0]


def test_what_is_there_is_kept(tmp_path: Path, package: Path) -> None:
    model, site = tiny(tmp_path / "m.onnx"), tmp_path / "site"
    site.mkdir()
    export_site(model, site, package=package)  # an empty folder
    before = (site / "site.json").read_bytes()
    export_site(tiny(tmp_path / "m.onnx", "points"), site, package=package)  # a site of ours, replaced
    assert (site / "site.json").read_bytes() != before
    (site / "CNAME").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        export_site(model, site, package=package)
    assert (site / "CNAME").read_text() == "mine"
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(GanzooError, match="no folder"):
        check_target(file)


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be gone under whoever is in it. A folder that is written in another way is that folder."""
    model, here = tiny(tmp_path / "m.onnx"), tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for place in (".", "..", here, tmp_path):
        with pytest.raises(InputError, match="is or holds the folder you are in"):
            export_site(model, place, package=package)
    assert list(here.iterdir()) == []
    (here / "a" / "b").mkdir(parents=True)
    with pytest.raises(InputError, match="holds other files"):
        export_site(model, "a", package=package)
    export_site(model, "a/b/../c", package=package)
    assert (here / "a" / "c" / "site.json").is_file()
    (tmp_path / "site").mkdir()
    export_site(model, "../site/../site", package=package)
    assert (tmp_path / "site" / "site.json").is_file()


def test_a_full_disk_leaves_the_old_site(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from ganzoo.web import site as module

    model, site = tiny(tmp_path / "m.onnx"), tmp_path / "here" / "site"
    export_site(model, site, package=package)
    before = {name: (site / name).read_bytes() for name in inside(site)}

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_json", full)
    with pytest.raises(SpaceError, match="no space left"):
        export_site(tiny(tmp_path / "m.onnx", "points"), site, package=package)
    assert {name: (site / name).read_bytes() for name in inside(site)} == before
    assert list(site.parent.iterdir()) == [site]


def test_the_runtime_by_hand(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {name: name.encode() for name in (runtime.SCRIPT, runtime.BINARY)}
    for place in (package, package / "dist", package.parent):
        assert runtime.files(place, print) == expected
    packed = tmp_path / "ort.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(package, "package")
    with pytest.raises(DamagedFile, match="is not the package of onnxruntime-web"):
        runtime.files(packed, print)
    monkeypatch.setattr(runtime, "SHA512", base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode())
    assert runtime.files(packed, print) == expected
    packed.write_bytes(packed.read_bytes()[:60])
    with pytest.raises(DamagedFile, match="is not the package of onnxruntime-web"):
        runtime.files(packed, print)
    (package / "package.json").write_text(f'{{"version": "{runtime.VERSION}"}}')
    assert runtime.files(package, print) == expected
    (package / "package.json").write_text('{"version": "1.0.0"}')
    with pytest.raises(GanzooError, match=r"holds onnxruntime-web 1\.0\.0; version .* is needed"):
        runtime.files(package, print)
    (package / "package.json").unlink()
    (package / "dist" / runtime.SCRIPT).unlink()
    with pytest.raises(GanzooError, match="does not hold dist/"):
        runtime.files(package, print)
    with pytest.raises(GanzooError, match="there is no"):
        runtime.files(tmp_path / "nowhere", print)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder instead of the user's."""
    import platformdirs

    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: tmp_path / "cache")
    return tmp_path / "cache"


def test_without_a_network_it_says_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.request.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(GanzooError, match=r"no route to host.*\.tgz elsewhere and name it by --runtime"):
        runtime.files(None, print)
    assert not cache.exists()


def test_another_tarball_than_the_pinned_one_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO(b"something else"))
    with pytest.raises(DamagedFile, match="another checksum"):
        runtime.files(None, print)
    assert not cache.exists()


def test_on_the_command_line(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path / "m.onnx")

    def run(text: str) -> Any:
        return CliRunner().invoke(cli, ["export", *text.split()], prog_name="ganzoo")

    done = run("m.onnx --web site --runtime package")
    assert (done.exit_code, done.stdout) == (0, "site\n"), done.stderr
    assert "http.server" in done.stderr
    for text, code, part in (
        ("m.onnx --web a -o b.onnx", 2, "--out (-o), or the folder of a site by --web"),
        ("m.onnx -o b.onnx --runtime package", 2, "--runtime is for --web"),
        ("m.onnx --web a --half --runtime package", 1, "exported already; leave out --half"),
        ("no.onnx --web a --runtime package", 1, "no.onnx"),
        ("m.onnx --web a --runtime nowhere", 1, "there is no nowhere"),
        ("m.onnx --web package --runtime package", 1, "holds other files"),
    ):
        done = run(text)
        assert (done.exit_code, done.stdout) == (code, ""), text
        assert part in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "a").exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that sends no log, and no type for what it does not know."""

    def log_message(self, *_: Any) -> None:
        pass

    def guess_type(self, path: Any) -> str:
        known = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
        return known.get(Path(path).suffix, "application/octet-stream")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from browser import launched  # skips where there is none

    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def sites(root: Path) -> dict[str, Path]:
    """A site of each kind of model below a folder of the server, and the models themselves."""
    try:
        package = runtime.cached(lambda _: None)
    except GanzooError as error:
        if isinstance(error, DamagedFile):
            raise
        pytest.skip(f"the npm registry cannot be reached: {error}")
    models = {kind: tiny(root / f"{kind}.onnx", kind) for kind in ("plain", "conditional", "points", "picture")}
    (several := root / "several").mkdir()
    for seed, name in enumerate("ABC"):
        models[name] = _renamed(tiny(several / f"{name}.onnx", seed=seed), name, default=name == "A")
    for kind, model in {**models, "several": several}.items():
        export_site(model, root / "some where" / kind, package=package)
    return models


class Seen:
    """A page, and what went wrong or abroad while it was open."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.hosts: set[str] = set()
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page.on("request", lambda r: self.hosts.add(urlsplit(r.url).netloc))
        self.page.on("request", lambda r: self.asked.append(Path(urlsplit(r.url).path).name))
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.goto(url)

    def says(self, pattern: str) -> None:
        from playwright.sync_api import expect

        expect(self.page.locator("#status")).to_have_text(re.compile(pattern), timeout=30000)

    def set(self, name: str, value: Any) -> None:
        """Types into a control, moves a slider, chooses an option."""
        script = """([name, value]) => {
            const box = document.getElementById("controls").elements[name];
            document.getElementById("status").textContent = "";
            if (box.type === "checkbox") box.checked = value; else box.value = value;
            box.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
        self.page.evaluate(script, [name, value])
        self.says(" in ")

    def choose(self, generator: str) -> None:
        self.page.evaluate("document.getElementById('status').textContent = ''")
        self.page.select_option("#generator", generator)

    def visit(self, rest: str) -> None:
        """Follows a link to other settings in the same tab."""
        script = "rest => { document.getElementById('status').textContent = ''; location.hash = rest; }"
        self.page.evaluate(script, rest)
        self.says(" in ")

    def kept(self) -> frozenset[str]:
        """The settings in the address."""
        return frozenset(self.page.evaluate("location.hash")[1:].split("&"))

    def captions(self) -> list[str]:
        return self.page.locator("#pictures figcaption").all_inner_texts()

    def pictures(self, where: str = "#pictures canvas") -> np.ndarray:
        """uint8 [N, H, W, 4] of every canvas."""
        script = "where => [...document.querySelectorAll(where)].map((c) => c.toDataURL().split(',')[1])"
        found = [base64.b64decode(text) for text in self.page.evaluate(script, where)]
        return np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")) for data in found])


@pytest.fixture
def see(browser: Any, address: str, sites: dict[str, Path]) -> Iterator[Any]:
    """Opens the site of a kind of model; afterwards nothing may have gone wrong or abroad."""
    opened: list[Seen] = []

    def visit(kind: str, rest: str = "", **options: Any) -> Seen:
        opened.append(Seen(browser, f"{address}/some%20where/{kind}/{rest}", **options))
        return opened[-1]

    yield visit
    for seen in opened:
        seen.page.close()
        assert seen.wrong == []
        assert seen.hosts <= {urlsplit(address).netloc, ""}  # data: and blob: have no host


def same(seen: Seen, samples: ganzoo.Samples, where: str = "#pictures canvas") -> None:
    found, expected = seen.pictures(where), samples.images
    assert found.shape == (*expected.shape[:3], 4)
    assert np.abs(found[..., :3].astype(int) - expected).max() <= 1
    assert (found[..., 3] == 255).all()
    assert expected.std() > 30, "the pictures show something"


def test_a_seed_is_the_same_picture_as_in_ganzoo(see: Any, sites: dict[str, Path]) -> None:
    sampler, seen = ganzoo.load(sites["plain"]), see("plain")
    seen.says("^16 pictures in")
    assert seen.captions() == [str(k) for k in range(16)]
    same(seen, sampler.sample(16))
    seen.set("seed", 4294967290)
    same(seen, sampler.sample(6, seed=4294967290))  # no seed after the last
    seen.set("seed", 40)
    seen.set("count", 3)
    same(seen, sampler.sample(3, seed=40))
    seen.set("clipped", True)
    seen.set("clip", 0.5)
    same(seen, sampler.sample(3, seed=40, truncation=0.5))
    seen.page.evaluate("document.getElementById('status').textContent = ''")
    seen.page.get_by_role("button", name="Random").press("Enter")
    seen.says("^3 pictures in")
    seed = int(seen.page.input_value("#seed"))
    assert seed != 40
    same(seen, sampler.sample(3, seed=seed, truncation=0.5))


def test_classes_and_numbers(see: Any, sites: dict[str, Path]) -> None:
    sampler, seen = ganzoo.load(sites["conditional"]), see("conditional")
    seen.says("^16 pictures in")
    same(seen, sampler.sample(16))  # classes as the seeds say
    assert seen.page.locator("#input-y option").all_inner_texts() == ["as the seed says", "cat", "dog", "3"]
    seen.set("input-y", "1")
    seen.set("input-truncation", 0.5)
    same(seen, sampler.sample(16, label="dog", truncation=0.5))


def test_the_address_keeps_the_settings(see: Any, sites: dict[str, Path]) -> None:
    seen = see("conditional", "#seed=5&count=4&input-y=1&input-truncation=0.25")
    seen.says("^4 pictures in")
    same(seen, ganzoo.load(sites["conditional"]).sample(4, seed=5, label="dog", truncation=0.25))
    assert seen.kept() == {"seed=5", "count=4", "input-y=1", "input-truncation=0.25"}


def test_another_link_in_the_same_tab_is_followed(see: Any, sites: dict[str, Path]) -> None:
    """What it does not say is as it is in a new tab."""
    sampler, seen = ganzoo.load(sites["conditional"]), see("conditional", "#seed=5&count=4&input-y=1")
    seen.says("^4 pictures in")
    seen.visit("#seed=7&count=3&input-truncation=0.5")
    same(seen, sampler.sample(3, seed=7, truncation=0.5))
    assert seen.kept() == {"seed=7", "count=3", "input-truncation=0.5"}
    seen.visit("#input-y=2")
    same(seen, sampler.sample(16, label="3"))
    seen = see("several", "#count=2&clip=0.5")
    seen.says("^2 pictures in")
    seen.visit("#seed=3&count=4&generator=C")
    same(seen, ganzoo.load(sites["C"]).sample(4, seed=3))
    assert seen.kept() == {"seed=3", "count=4", "generator=C"}
    seen.visit("#count=2&clip=0.5")
    same(seen, ganzoo.load(sites["A"]).sample(2, truncation=0.5))


def test_nothing_in_the_address_breaks_the_page(see: Any, sites: dict[str, Path]) -> None:
    seen = see("plain", "#length=1&item=2&0=3&__proto__=4&generator=5&clipped=6&random=7&input-z=8&%E0%A4=9&seed=40")
    seen.says("^16 pictures in")
    same(seen, ganzoo.load(sites["plain"]).sample(16, seed=40))
    assert seen.kept() == {"seed=40"}
    seen.set("count", 2)
    assert seen.captions() == ["40", "41"]


def test_the_widest_truncation_is_in_the_link(see: Any, sites: dict[str, Path]) -> None:
    truncated, seen = ganzoo.load(sites["plain"]).sample(16, truncation=2.0), see("plain")
    seen.says("^16 pictures in")
    seen.set("clipped", True)
    same(seen, truncated)
    assert seen.kept() == {"seed=0", "clip=2"}
    again = see("plain", "#seed=0&clip=2")
    again.says("^16 pictures in")
    assert again.page.is_checked("[name=clipped]")
    same(again, truncated)
    again.set("clipped", False)
    assert again.kept() == {"seed=0"}


def without_b(see: Any) -> tuple[Any, list[Any]]:
    """A page on which B is chosen, and the request for it, which is held back."""
    seen = see("several")
    seen.says("^16 pictures in")
    held: list[Any] = []
    seen.page.route("**/model-1.onnx", lambda route: held.append(route))
    seen.choose("B")
    return seen, held


def test_a_generator_that_comes_too_late_shows_nothing(see: Any, sites: dict[str, Path]) -> None:
    seen, held = without_b(see)
    seen.page.wait_for_timeout(200)
    assert seen.page.is_disabled("#walk")
    assert seen.page.is_disabled("#save")
    seen.choose("C")
    seen.says("^16 pictures in")
    with seen.page.expect_event("requestfinished"):
        held.pop().continue_()
    seen.page.wait_for_timeout(500)
    assert (seen.page.input_value("#generator"), seen.kept()) == ("C", {"seed=0", "generator=C"})
    same(seen, ganzoo.load(sites["C"]).sample(16))
    seen.says("^16 pictures in")
    assert seen.page.is_enabled("#save")


def test_what_is_set_while_a_generator_comes_is_heeded(see: Any, sites: dict[str, Path]) -> None:
    seen, held = without_b(see)
    seen.page.fill("#seed", "40")
    seen.page.wait_for_timeout(200)
    held.pop().continue_()
    seen.says("^16 pictures in")
    same(seen, ganzoo.load(sites["B"]).sample(16, seed=40))
    assert seen.kept() == {"seed=40", "generator=B"}


def test_a_generator_is_fetched_once_and_again_if_that_failed(see: Any, sites: dict[str, Path]) -> None:
    seen = see("several")
    seen.says("^16 pictures in")
    for name in "BABA":
        seen.choose(name)
        seen.says("^16 pictures in")
    assert [seen.asked.count(f"model-{k}.onnx") for k in range(3)] == [1, 1, 0]
    seen.page.route("**/model-2.onnx", lambda route: route.abort())
    seen.choose("C")
    seen.says("^This did not work")
    same(seen, ganzoo.load(sites["A"]).sample(16))
    assert seen.wrong
    seen.wrong.clear()
    seen.page.unroute("**/model-2.onnx")
    seen.choose("A")
    seen.says("^16 pictures in")
    seen.choose("C")
    seen.says("^16 pictures in")
    same(seen, ganzoo.load(sites["C"]).sample(16))


def test_a_nonsense_seed_is_said_and_nothing_is_lost(see: Any) -> None:
    seen = see("plain")
    seen.says("^16 pictures in")
    seen.page.fill("#seed", "4294967296")
    seen.says("whole number from 0 to 4294967295")
    assert len(seen.captions()) == 16


def test_the_walk_moves_and_stops(see: Any) -> None:
    seen = see("plain")
    seen.says("^16 pictures in")
    seen.page.focus("#walk")
    seen.page.keyboard.press("Enter")
    seen.page.locator("#stage canvas").wait_for(state="visible")
    first = seen.pictures("#stage canvas")
    seen.page.wait_for_timeout(400)
    second = seen.pictures("#stage canvas")
    assert (first != second).any()
    assert seen.page.get_attribute("#walk", "aria-pressed") == "true"
    seen.page.keyboard.press("Enter")
    seen.says("^16 pictures in")
    assert seen.page.locator("#stage").is_hidden()


def test_the_walk_keeps_the_class_of_its_first_seed(see: Any, sites: dict[str, Path]) -> None:
    sampler = ganzoo.load(sites["conditional"])
    classes = priors.labels(sampler.spec.input("y"), range(3))
    assert classes[0] != classes[1]
    seen = see("conditional")
    seen.says("^16 pictures in")
    seen.page.evaluate("window.now = 0; performance.now = () => window.now")
    seen.page.click("#walk")
    seen.page.get_by_text("0 → 1").wait_for()
    seen.page.evaluate("window.now = 1.25 * 1500")
    seen.page.get_by_text("1 → 2").wait_for()
    same(seen, sampler.way([0, 1, 2], [1.25]), "#stage canvas")


def test_points_are_a_scatter_plot(see: Any, sites: dict[str, Path]) -> None:
    seen = see("points")
    seen.says("^1000 points in")
    (plot,) = seen.pictures()
    marks = np.argwhere((plot[..., :3] != plot[0, 0, :3]).any(axis=-1))
    drawn = ganzoo.load(sites["points"]).sample(1000).points
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    reach = (high - low).max() * 1.1
    corner = (low + high) / 2 - reach / 2
    side = plot.shape[0] - 1
    for x, y in (drawn - corner) / reach * side:  # a dot where each point is
        near = np.abs(marks - [side - y, x]).max(axis=1).min()
        assert near < 2
    assert len(marks) < 1000 * 30
    assert "1000 points" in seen.page.locator("#pictures canvas").get_attribute("aria-label")
    before = plot
    seen.page.click("#walk")
    seen.page.wait_for_timeout(700)
    assert (seen.pictures("#stage canvas")[0] != before).any()


def test_a_generator_that_starts_from_a_picture(see: Any, tmp_path: Path) -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    Image.fromarray(pixels).save(tmp_path / "p.png")
    seen = see("picture")
    seen.says("Choose a picture for photo")
    for name in ("#walk", "#seed", "#count"):
        assert seen.page.locator(name).is_hidden()
    seen.page.set_input_files("#input-photo", tmp_path / "p.png")
    seen.says("^1 picture in")
    expected = np.tanh(pixels / 127.5 - 1) * 127.5 + 127.5
    assert np.abs(seen.pictures()[0, ..., 0] - expected).max() <= 1
    wide = Image.new("RGBA", (16, 8), (255, 0, 0, 255))
    wide.paste((0, 0, 0, 0), (4, 0, 12, 8))  # the middle is shown, white beneath what is transparent
    wide.save(tmp_path / "wide.png")
    seen.page.set_input_files("#input-photo", tmp_path / "wide.png")
    seen.page.wait_for_timeout(500)
    seen.says("^1 picture in")
    assert np.abs(seen.pictures()[0, ..., 0] - (np.tanh(1) * 127.5 + 127.5)).max() <= 1


def test_what_is_saved_can_be_made_again(see: Any, sites: dict[str, Path], tmp_path: Path) -> None:
    sampler, seen = ganzoo.load(sites["conditional"]), see("conditional", "#seed=5&count=4&input-y=1")
    seen.says("^4 pictures in")
    with seen.page.expect_download() as saved:
        seen.page.click("#save")
    assert saved.value.suggested_filename == "G-5-8.png"
    place = tmp_path / "saved.png"
    saved.value.save_as(place)
    assert settings_of(place, sampler.identity)["seeds"] == [5, 6, 7, 8]
    assert sampler.identity.items() <= chunk_of(place).items()
    again, expected = sampler.like(place), sampler.sample(4, seed=5, label="dog")
    assert (again.images == expected.images).all()
    sheet = np.asarray(Image.open(place).convert("L")).astype(int)
    first = sheet[2:58:7, 2:58:7]  # a picture of 8 pixels is enlarged seven times
    assert np.abs(first - expected.images[0, ..., 0]).max() <= 1
    seen.page.fill("#seed", "-1")
    seen.says("^A seed is a whole number")
    assert seen.page.is_disabled("#save"), "what is shown is not what is asked for"
    seen.page.fill("#seed", "6")
    seen.says("^4 pictures in")
    assert seen.page.is_enabled("#save")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390), ("dark", 320)])
def test_it_fits_light_and_dark_wide_and_narrow(see: Any, scheme: str, width: int) -> None:
    seen = see("conditional", viewport={"width": width, "height": 800}, color_scheme=scheme)
    seen.says("^16 pictures in")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    dark = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", dark)[0]) < 60) == (scheme == "dark")
    names = seen.page.evaluate("[...document.querySelectorAll('canvas')].map(c => c.ariaLabel)")
    assert "Picture of seed 3" in names
    unnamed = """[...document.querySelectorAll("input, select, button")].filter((box) =>
        !box.labels?.length && !box.ariaLabel && !box.textContent.trim()).length"""
    assert seen.page.evaluate(unnamed) == 0


def test_as_a_file_it_says_how_to_open_it(browser: Any, root: Path, sites: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto((root / "some where" / "plain" / "index.html").as_uri())
    page.wait_for_timeout(2200)
    assert page.get_by_text("python3 -m http.server").is_visible()
    assert page.locator("#main").is_hidden()
    page.close()


def test_latents_are_numpys(browser: Any, address: str, root: Path, tmp_path: Path, package: Path) -> None:
    """Uniform numbers to the bit; what goes through a logarithm or a sine to one rounding of float32."""
    inputs = [
        InputSpec("z", shape=(5,)),
        InputSpec("noise", shape=(3, 7), distribution="sphere"),
        InputSpec("c", shape=(4,), distribution="uniform", range=(-3.0, 0.5)),
    ]
    classes = InputSpec("y", "label", classes=("a", "b", "c"), frequencies=(0.2, 0.0, 0.8), distribution="data")
    spec = GeneratorSpec("G", (*inputs, classes), OutputSpec())
    from ganzoo.web.site import _HERE, _spec

    (root / "latents.js").write_bytes((_HERE / "page" / "latents.js").read_bytes())
    (root / "empty.html").write_text("<!DOCTYPE html>")
    seeds = [0, 1, 7, 2**31, 2**32 - 1]
    page = browser.new_page()
    page.goto(f"{address}/empty.html")
    script = """async ([inputs, seeds]) => {
        const { uniforms, latent, label, between, PRIORS } = await import("./latents.js");
        const latents = inputs.filter((i) => i.kind === "latent");
        return {
            uniforms: seeds.map((s) => [...uniforms(inputs[0].stream, s, 9)]),
            labels: Array.from({ length: 200 }, (_, s) => label(inputs.at(-1), s)),
            latents: latents.map((i) => seeds.map((s) => [...latent(i, s)])),
            truncated: [0.04, 0.5, 2].map((t) => seeds.map((s) => [...latent({ ...inputs[0], range: [-2, 2] }, s, t)])),
            ways: latents.map((i) => seeds.map((s) =>
                [...between(latent(i, s), latent(i, 3), 0.3, PRIORS[i.distribution].geometry)])),
        };
    }"""
    found = page.evaluate(script, [_spec(spec)["inputs"], seeds])
    page.close()
    assert (np.array(found["uniforms"]) == priors.uniforms("z", seeds, 9)).all()
    assert found["labels"] == priors.labels(classes, range(200)).tolist()
    assert set(found["labels"]) == {0, 2}

    def drawn_here(spec: InputSpec, at: list[int], prior: priors.Prior) -> np.ndarray:
        return priors.pushed(spec, priors.noise(spec, at, prior), prior)

    for bound, drawn in zip((0.04, 0.5, 2.0), found["truncated"]):
        free = drawn_here(inputs[0], seeds, priors.PRIORS["normal"])
        np.testing.assert_allclose(np.array(drawn), priors.truncated(free, bound), rtol=1e-6, atol=1e-7)
    for one, drawn, way in zip(inputs, found["latents"], found["ways"]):
        prior = priors.PRIORS[one.distribution]
        start = drawn_here(one, seeds, prior)
        np.testing.assert_allclose(np.array(drawn).reshape(start.shape), start, rtol=2.0**-23)
        end = drawn_here(one, [3] * len(seeds), prior)
        expected = priors.between(start, end, np.full(len(seeds), 0.3), prior.geometry)
        np.testing.assert_allclose(np.array(way).reshape(start.shape), expected, rtol=1e-5, atol=1e-6)
