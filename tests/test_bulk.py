"""Sampling in shards: the same bytes for any number of workers, only what is missing is made, memory is flat."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from app_model import tiny
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import cli
from ganzoo.errors import GanzooError, InputError, SpaceError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("model") / "plain.onnx")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_any_number_of_workers_makes_the_same_bytes(model: Path, tmp_path: Path) -> None:
    sampler = ganzoo.load(model)
    index = sampler.shards(tmp_path / "one", n=300, shards=3, seed=7, workers=1)
    sampler.shards(tmp_path / "three", n=300, shards=3, seed=7, workers=3)
    made = contents(tmp_path / "one")
    assert made == contents(tmp_path / "three")
    about = json.loads(index.read_text())
    assert about["card"] == sampler.card
    assert about["model"] == sampler.checksum
    for entry in about["shards"]:
        assert entry["sha256"] == hashlib.sha256(made[entry["file"]]).hexdigest()
        assert entry["bytes"] == len(made[entry["file"]])
    assert [entry["seeds"] for entry in about["shards"]] == ["7-106", "107-206", "207-306"]


def test_a_shard_holds_the_pictures_of_its_seeds(model: Path, tmp_path: Path) -> None:
    sampler = ganzoo.load(model)
    sampler.shards(tmp_path / "tar", n=150, shards=2, seed=40, workers=2)
    with tarfile.open(tmp_path / "tar" / "shard-00001.tar") as archive:
        names = archive.getnames()
        assert names[0] == "00000075-seed-115.png"
        assert len(names) == 75
        member = archive.extractfile(names[-1])
        assert member is not None
        assert member.read() == sampler.sample(seeds=[189]).png(0)
    sampler.shards(tmp_path / "npz", n=150, shards=2, seed=40, format="npz", workers=2)
    with np.load(tmp_path / "npz" / "shard-00000.npz") as arrays:
        assert arrays["seeds"].tolist() == list(range(40, 115))
        np.testing.assert_array_equal(arrays["images"], sampler.sample(75, seed=40).images)


def test_labels_and_points(tmp_path: Path) -> None:
    sampler = ganzoo.load(tiny(tmp_path / "conditional.onnx", "conditional"))
    sampler.shards(tmp_path / "classes", n=30, shards=2, label="dog", truncation=0.5, format="npz", workers=1)
    with np.load(tmp_path / "classes" / "shard-00001.npz") as arrays:
        assert arrays["y"].tolist() == [1] * 15
        same = sampler.sample(15, seed=15, label="dog", truncation=0.5).images
        np.testing.assert_array_equal(arrays["images"], same)
    points = ganzoo.load(tiny(tmp_path / "points.onnx", "points"))
    points.shards(tmp_path / "points", n=30, shards=1, workers=1)
    with np.load(tmp_path / "points" / "shard-00000.npz") as arrays:
        np.testing.assert_array_equal(arrays["points"], points.sample(30).points)
    with pytest.raises(InputError, match="a tar holds pictures; points are written as npz"):
        points.shards(tmp_path / "no", n=30, shards=1, format="tar")


def test_what_a_mapping_is_told_holds_in_shards(tmp_path: Path) -> None:
    """The synthesis is asked, and psi is the mapping's."""
    sampler = ganzoo.load(tiny(tmp_path / "styled", "styled"))
    sampler.shards(tmp_path / "out", 6, shards=2, format="npz", workers=2, psi=0.25)
    made = [np.load(path)["images"] for path in sorted((tmp_path / "out").glob("*.npz"))]
    assert np.array_equal(np.concatenate(made), sampler.sample(6, psi=0.25).images)
    assert not np.array_equal(np.concatenate(made), sampler.sample(6).images)
    with pytest.raises(GanzooError, match="other settings"):
        sampler.shards(tmp_path / "out", 6, shards=2, format="npz", workers=1, psi=0.5)


def test_only_what_is_missing_or_damaged_is_made_again(model: Path, tmp_path: Path) -> None:
    sampler, out = ganzoo.load(model), tmp_path / "out"
    sampler.shards(out, n=200, shards=4, workers=2)
    before = contents(out)
    (out / "shard-00001.tar").unlink()
    damaged = out / "shard-00003.tar"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    kept = (out / "shard-00000.tar").stat().st_mtime_ns
    told: list[int] = []
    sampler.shards(out, n=200, shards=4, workers=2, progress=told.append)
    assert told[0] == 100
    assert told[-1] == 200
    assert contents(out) == before
    assert (out / "shard-00000.tar").stat().st_mtime_ns == kept


def test_who_is_refused_leaves_the_folder_to_whom_it_is_filled_by(model: Path, tmp_path: Path) -> None:
    """Of another machine on a shared disk: no process of that number is alive here."""
    half = tmp_path / "out" / ".tmp-999999999-0123abcd-0-shard-00000.tar"
    half.parent.mkdir()
    half.touch()
    holder = os.open(half.parent, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        with pytest.raises(GanzooError, match="is being filled by another process"):
            ganzoo.load(model).shards(half.parent, n=20, shards=2, workers=1)
        assert half.exists()
    finally:
        os.close(holder)


def test_other_settings_and_other_folders_are_refused(model: Path, tmp_path: Path) -> None:
    sampler, out = ganzoo.load(model), tmp_path / "out"
    sampler.shards(out, n=20, shards=2, workers=1)
    before = contents(out)
    for changed in ({"n": 21}, {"seed": 1}, {"shards": 4}, {"truncation": 0.5}):
        with pytest.raises(GanzooError, match="was begun with other settings"):
            sampler.shards(out, **{"n": 20, "shards": 2, "workers": 1, **changed})  # type: ignore[arg-type]
    assert contents(out) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(GanzooError, match=r"is not empty and has no index.json"):
        sampler.shards(tmp_path / "mine", n=20, shards=2)
    with pytest.raises(InputError, match="20 samples cannot be put in 21 shards; 1 to 20 can be"):
        sampler.shards(tmp_path / "new", n=20, shards=21)


def children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
def test_a_killed_worker_costs_its_shard_only(model: Path, tmp_path: Path) -> None:
    sampler = ganzoo.load(model)
    sampler.shards(tmp_path / "whole", n=4000, shards=4, workers=2)
    killed: list[int] = []

    def kill_one(done: int) -> None:
        if not killed and done > 0:
            killed.append(children(os.getpid())[-1])
            os.kill(killed[0], signal.SIGKILL)

    sampler.shards(tmp_path / "killed", n=4000, shards=4, workers=2, progress=kill_one)
    assert killed
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_an_interrupt_keeps_what_is_finished(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "ganzoo", "sample", str(model), "-n", "60000", "--shards", "60", "-o", str(out)]
    process = subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob("shard-*.tar"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in said
    stored = json.loads((out / "index.json").read_text())["shards"]
    finished = [entry for entry in stored if "sha256" in entry]
    assert 2 <= len(finished) < 60
    for entry in finished:
        assert hashlib.sha256((out / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    left = {path.name for path in out.iterdir()} - {"index.json"} - {entry["file"] for entry in finished}
    assert len(left) <= 1  # a shard that got its name, but not its line in the index, is made again
    assert all(name.startswith("shard-") for name in left)


def test_no_room_is_one_sentence_and_leaves_no_half_shard(model: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys, signal, ganzoo; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "ganzoo.load(sys.argv[1]).shards(sys.argv[2], n=2000, shards=1, workers=1)"
    )
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", code, str(model), str(out)], capture_output=True, text=True)
    assert done.returncode == 1
    assert SpaceError.__name__ in done.stderr.splitlines()[-1]
    assert not list(out.glob("shard-*"))


def test_memory_stays_flat(model: Path, tmp_path: Path) -> None:
    """Twenty times the samples take less than a tenth more memory, in the workers and in the caller."""
    code = (
        "import resource, sys, ganzoo\n"
        "ganzoo.load(sys.argv[1]).shards(sys.argv[2], n=int(sys.argv[3]), shards=2, format='npz', workers=1)\n"
        "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
    )

    def peak(n: int) -> int:
        command = [sys.executable, "-c", code, str(model), str(tmp_path / str(n)), str(n)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert resource.RUSAGE_CHILDREN == -1
    assert peak(40_000) < 1.1 * peak(2_000)


def test_a_run_is_exported_once_for_its_workers(tmp_path: Path) -> None:
    tiny_run = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8}
    run = ganzoo.train("vanilla", steps=2, out=tmp_path / "run", set=tiny_run)
    sampler = run.sampler()
    sampler.shards(tmp_path / "out", n=20, shards=2, format="npz", workers=2)
    with np.load(tmp_path / "out" / "shard-00001.npz") as arrays:
        off = np.abs(arrays["images"].astype(int) - sampler.sample(10, seed=10).images)
        assert off.max() <= 1


def test_an_index_says_what_the_data_are_called_and_not_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for k in range(8):
        Image.fromarray(np.full((28, 28), 20 * k, np.uint8)).save(tmp_path / "mine" / f"{k}.png")
    small = {"generator.widths": [16], "discriminator.units": 8, "batch": 8, "latent": 8, "data.size": 28}
    run = ganzoo.train("vanilla", data=f"folder:{tmp_path / 'mine'}", steps=2, out=tmp_path / "run", set=small)
    index = run.sampler().shards(tmp_path / "out", n=4, shards=1, workers=1)
    assert json.loads(index.read_text())["card"]["data"] == "folder:mine"
    assert str(tmp_path) not in index.read_text()


def test_on_the_command_line(model: Path, tmp_path: Path) -> None:
    def run(*words: str) -> object:
        return CliRunner().invoke(cli, ["sample", str(model), *words])

    done = run("--seeds", "0-9,100-109", "--shards", "2", "--workers", "1", "-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
    stored = json.loads((tmp_path / "out" / "index.json").read_text())["shards"]
    assert [entry["seeds"] for entry in stored] == ["0-9", "100-109"]
    assert run("--workers", "2").exit_code == 2  # type: ignore[attr-defined]
    latents = ganzoo.load(model).sample(30).inputs["z"]
    np.save(tmp_path / "z.npy", latents)
    done = run("--input", f"z={tmp_path / 'z.npy'}", "--shards", "2", "--workers", "1", "-o", str(tmp_path / "own"))
    assert "30 samples in 2 shards" in done.stderr  # type: ignore[attr-defined]
