"""The folder of a run: names, lock, metrics, and the checkpoints that survive kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ganzoo.folder
from ganzoo.errors import DamagedFile, GanzooError
from ganzoo.folder import RunFolder, snapshot_due

ROOT = Path(ganzoo.folder.__file__).parents[1]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create("vanilla", "digits", out=tmp_path / "run")
    folder.update(status="running")
    return folder


def test_folders_are_numbered_from_the_smallest_free(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    first = RunFolder.create("vanilla", "digits", root=root)
    assert first.path == root / "vanilla-digits-1"
    assert RunFolder.create("vanilla", "digits", root=root).path.name == "vanilla-digits-2"
    first.path.rmdir()
    assert RunFolder.create("vanilla", "digits", root=root).path.name == "vanilla-digits-1"
    assert RunFolder.create("them/wgan", "folder:/a/B c", root=root).path.name == "them-wgan-folder-1"


def test_many_at_once_get_a_folder_each(tmp_path: Path) -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(RunFolder.create("v", "d", root=tmp_path).path.name))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == sorted(f"v-d-{n}" for n in range(1, 21))


def test_a_folder_of_ones_own_must_be_absent_or_empty(tmp_path: Path) -> None:
    assert RunFolder.create("v", "d", out=tmp_path / "a" / "b").path == tmp_path / "a" / "b"
    assert RunFolder.create("v", "d", out=tmp_path / "a" / "b").path == tmp_path / "a" / "b"
    (tmp_path / "file").touch()
    with pytest.raises(GanzooError, match=r"/a is not empty; .*`ganzoo resume .*/a`"):
        RunFolder.create("v", "d", out=tmp_path / "a")
    with pytest.raises(GanzooError, match="/file is not a folder"):
        RunFolder.create("v", "d", out=tmp_path / "file")
    with pytest.raises(GanzooError, match="a file is in the way"):
        RunFolder.create("v", "d", out=tmp_path / "file" / "run")
    with pytest.raises(GanzooError, match="a file is in the way"):
        RunFolder.create("v", "d", root=tmp_path / "file")


def test_opening_says_what_is_not_a_run(tmp_path: Path, run: RunFolder) -> None:
    assert RunFolder.open(run.path).read() == {"format": 1, "status": "running"}
    with pytest.raises(GanzooError, match=r"there is no run folder .*/gone"):
        RunFolder.open(tmp_path / "gone")
    with pytest.raises(GanzooError, match="is not a run folder"):
        RunFolder.open(tmp_path)
    with pytest.raises(GanzooError, match=r"run.json is a file, and a run is a folder"):
        RunFolder.open(run.run)
    run.run.write_text('{"format": 99}')
    with pytest.raises(GanzooError, match=r"format 99 .* newer ganzoo"):
        RunFolder.open(run.path)
    for wrong in ("", "[]", "{}", '{"format": 1', '{"format": "1"}'):
        run.run.write_text(wrong)
        with pytest.raises(DamagedFile, match=r"run.json is damaged"):
            RunFolder.open(run.path)


def test_update_keeps_what_it_does_not_set(run: RunFolder) -> None:
    assert run.update(device="cpu") == {"format": 1, "status": "running", "device": "cpu"}
    assert run.update(status="done")["device"] == "cpu"
    assert run.read()["status"] == "done"


def test_the_paths_are_those_of_the_contract(run: RunFolder) -> None:
    assert run.checkpoint_path(500) == run.path / "checkpoints" / "step-00000500.safetensors"
    assert run.snapshot_path(500) == run.path / "snapshots" / "step-00000500.safetensors"
    assert run.sample_path(500) == run.path / "samples" / "step-00000500.png"
    names = [p.name for p in (run.run, run.recipe, run.metrics, run.curves, run.log, run.tensorboard)]
    assert names == ["run.json", "recipe.toml", "metrics.jsonl", "curves.png", "log.txt", "tensorboard"]


HOLD = """
import sys, time
from ganzoo.folder import RunFolder
with RunFolder(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_processes_cannot_hold_one_run(run: RunFolder) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        who = f"process {other.pid} of {socket.gethostname()}"
        with pytest.raises(GanzooError, match=f"/run is in use by {who}; wait"), run.lock():
            pass
    finally:
        other.kill()
        other.wait()
    with run.lock():  # the dead one's lock is gone
        assert (run.path / "run.lock").read_text().split()[0] == str(os.getpid())
        with pytest.raises(GanzooError, match=str(os.getpid())), run.lock():
            pass
    with run.lock():
        pass


def test_the_lock_clears_what_the_dead_left(run: RunFolder) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    name = f".tmp-{dead.pid}-0123abcd-0-x"
    strays = [run.checkpoint_path(1).parent / name, run.path / name]
    for stray in strays:
        stray.touch()
    with run.lock():
        assert not any(stray.exists() for stray in strays)


def test_metrics_are_lines_in_the_order_given(run: RunFolder) -> None:
    assert run.rows() == []
    run.append({"step": 1, "images": 64, "V": -1.5, "D/x": float("nan")})
    run.append({"step": 2, "a": True})
    first, second = run.metrics.read_text().splitlines(keepends=True)
    assert first == '{"step": 1, "images": 64, "V": -1.5, "D/x": null}\n'
    assert second == '{"step": 2, "a": true}\n'
    assert [row["step"] for row in run.rows()] == [1, 2]


def test_half_a_line_of_a_killed_process_is_forgotten(run: RunFolder) -> None:
    for half in ('{"step": 3, "V": 0.', '{"step": 3}', "{"):  # the second lacks only its newline
        run.metrics.write_text('{"step": 1}\n{"step": 2}\n' + half)
        assert [row["step"] for row in run.rows()] == [1, 2]
        run.append({"step": 3, "V": 1})
        assert run.metrics.read_text() == '{"step": 1}\n{"step": 2}\n{"step": 3, "V": 1}\n'
    run.metrics.write_text('{"st')
    run.append({"step": 1})
    assert run.metrics.read_text() == '{"step": 1}\n'


def test_a_broken_line_among_others_is_named(run: RunFolder) -> None:
    run.metrics.write_text('{"step": 1}\n{"step": \n{"step": 3}\n')
    with pytest.raises(DamagedFile, match=r"metrics.jsonl is damaged: line 2"):
        run.rows()


def test_cut_takes_metrics_and_checkpoints_back(run: RunFolder) -> None:
    run.cut(5)  # nothing there yet
    for step in range(1, 6):
        run.append({"step": step, "V": 0.1 * step})
    for step in (2, 4):
        run.checkpoint_path(step).write_text(str(step))
    before = run.metrics.read_text().splitlines(keepends=True)
    with run.metrics.open("a") as file:
        file.write('{"step": 3, "ha')
    run.cut(3)
    assert run.metrics.read_text() == "".join(before[:3])
    assert [path.name for path in run.checkpoints()] == ["step-00000002.safetensors"]
    assert (run.path / "checkpoints" / "step-00000004.safetensors.damaged").read_text() == "4"


def test_log_lines(run: RunFolder) -> None:
    run.say("one")
    run.say("two\n")
    assert run.log.read_text() == "one\ntwo\n"


def read_text(path: Path) -> str:
    """A reader that finds 'bad' damaged."""
    if path.read_text() == "bad":
        raise DamagedFile(f"{path} is damaged")
    return path.read_text()


def test_the_newest_good_checkpoint_is_found_loudly(run: RunFolder) -> None:
    said: list[str] = []
    with pytest.raises(GanzooError, match=r"/run has no checkpoint yet"):
        run.newest_good(read_text, said.append)
    for step, text in ((5, "five"), (20, "twenty"), (100, "bad"), (100_000_000, "bad")):
        run.checkpoint_path(step).write_text(text)
    (run.path / "checkpoints" / "step-best.safetensors").touch()
    assert run.newest_good(read_text, said.append) == (run.checkpoint_path(20), "twenty")
    assert len(said) == 2
    assert "step-100000000.safetensors is damaged" in said[0]
    for path in run.checkpoints():
        path.write_text("bad")
    with pytest.raises(DamagedFile, match=r"no checkpoint of .*/run is whole"):
        run.newest_good(read_text, said.append)


def test_a_newer_format_is_no_reason_to_fall_back(run: RunFolder) -> None:
    def refuse(path: Path) -> None:
        raise GanzooError("newer")

    run.checkpoint_path(1).touch()
    with pytest.raises(GanzooError, match="newer"):
        run.newest_good(refuse, pytest.fail)


def test_a_checkpoint_removed_meanwhile_is_passed_over(run: RunFolder) -> None:
    for step in (1, 2):
        run.checkpoint_path(step).write_text("good")

    def read(path: Path) -> str:
        if path == run.checkpoint_path(2):
            path.unlink()
            raise GanzooError("there is no file")
        return read_text(path)

    assert run.newest_good(read, pytest.fail) == (run.checkpoint_path(1), "good")


def test_the_last_ones_and_the_best_are_kept(run: RunFolder) -> None:
    assert run.keep() == []
    for step in (1, 2, 3, 4, 5):
        run.checkpoint_path(step).touch()
    run.snapshot_path(1).touch()
    assert run.keep(last=3, best=1) == [run.checkpoint_path(2)]
    assert run.checkpoints() == [run.checkpoint_path(step) for step in (1, 3, 4, 5)]
    run.keep(last=0)
    assert run.checkpoints() == [run.checkpoint_path(5)]
    assert run.snapshots() == [run.snapshot_path(1)]
    assert run.samples() == []


def test_snapshots_double() -> None:
    assert [s for s in range(5000) if snapshot_due(s, 250)] == [250, 500, 1000, 2000, 4000]
    assert sum(snapshot_due(s, 250) for s in range(0, 200_000, 50)) == 10
    assert [s for s in range(10) if snapshot_due(s, 1)] == [1, 2, 4, 8]
    assert not any(snapshot_due(s, 0) for s in range(100))


def test_importing_it_loads_no_torch() -> None:
    code = "import sys, ganzoo.folder, ganzoo.files, ganzoo.signals; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


KILLS = """
# Trains a tiny net with Adam, saving every step, in children that are killed; then checks what they left.
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from torch import nn
from ganzoo.folder import RunFolder
from ganzoo.state import pack_optimizer, read_state, unpack_optimizer, write_state

def build():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(16, 1))
    net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    return net, optimizer, {p: n for n, p in net.named_parameters()}

def train(folder, until, save_every):
    net, optimizer, names = build()
    with folder.lock():
        path, found = folder.newest_good(read_state, lambda text: os._exit(3))
        step = found.meta["step"]
        folder.cut(step)
        if step:
            net.load_state_dict({k[4:]: v for k, v in found.tensors.items() if k.startswith("net/")})
            moments = {k[4:]: v for k, v in found.tensors.items() if k.startswith("opt/")}
            unpack_optimizer(optimizer, names, moments, found.meta["opt"])
        while step < until and boss in (os.getpid(), os.getppid()):
            x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(step))
            optimizer.zero_grad()
            cost = net(x).square().mean()
            cost.backward()
            optimizer.step()
            step += 1
            folder.append({"step": step, "cost": cost.item()})
            if step % save_every == 0 or step == until:
                moments, primitives = pack_optimizer(optimizer, names)
                tensors = {f"net/{k}": v for k, v in net.state_dict().items()}
                tensors |= {f"opt/{k}": v for k, v in moments.items()}
                tensors["double"] = torch.tensor([step, 2 * step])
                write_state(folder.checkpoint_path(step), tensors, {"step": step, "opt": primitives})
                folder.keep(3)

def child(folder, until, save_every=1):
    pid = os.fork()
    if pid == 0:
        try:
            train(folder, until, save_every)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid

def fresh(path):
    folder = RunFolder.create("v", "d", out=path)
    write_state(folder.checkpoint_path(0), {"double": torch.tensor([0, 0])}, {"step": 0})
    return folder

here, boss = Path(sys.argv[1]), os.getpid()
torch.set_num_threads(1)
dice = random.Random(int(sys.argv[2]))
train(fresh(here / "warm"), 2, 1)  # what torch loads on first use
folder = fresh(here / "killed")
done, strays = [0], 0
for kill in range(50):
    pid = child(folder, 10**6)
    if kill % 2:  # after a save at least; else at any moment from the start
        while folder.checkpoints()[-1] == folder.checkpoint_path(done[-1]):
            assert os.waitpid(pid, os.WNOHANG)[0] == 0, "the child ended by itself"
            time.sleep(0.001)
    time.sleep(dice.uniform(0.0, 0.1))
    ended, status = os.waitpid(pid, os.WNOHANG)
    assert ended == 0, f"the child ended by itself: {status}"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    warnings = []
    path, found = folder.newest_good(read_state, warnings.append)
    step = found.meta["step"]
    assert not warnings, warnings
    assert path == folder.checkpoints()[-1] and path == folder.checkpoint_path(step)
    assert found.tensors["double"].tolist() == [step, 2 * step]
    assert step >= done[-1], "a checkpoint was lost"
    steps = [row["step"] for row in folder.rows()]
    assert steps == list(range(1, len(steps) + 1)) and len(steps) >= step
    done.append(step)
    strays += any(entry.name.startswith(".tmp-") for entry in path.parent.iterdir())
until = done[-1] + 10
whole = fresh(here / "whole")
for each, save_every in ((folder, 1), (whole, until)):
    assert os.waitpid(child(each, until, save_every), 0)[1] == 0
same = [
    folder.metrics.read_bytes() == whole.metrics.read_bytes(),
    folder.checkpoint_path(until).read_bytes() == whole.checkpoint_path(until).read_bytes(),
]
left = [e.name for e in (folder.path / "checkpoints").iterdir()]
print(json.dumps({"saves": done[-1], "strays": strays, "same": same, "left": left}))
"""


def test_kill_9_at_fifty_random_moments_loses_nothing(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path), "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["same"] == [True, True]  # metrics, and weights with moments, as if nobody had killed it
    assert told["saves"] >= 25
    assert told["strays"] > 0  # some were killed while writing
    assert len(told["left"]) == 3
    assert all(name.endswith(".safetensors") for name in told["left"])


def test_a_process_killed_while_appending_leaves_a_readable_file(run: RunFolder) -> None:
    code = "import sys\nfrom ganzoo.folder import RunFolder\nrun = RunFolder(sys.argv[1])\nn = 0\n"
    code += "while True:\n    n += 1\n    run.append({'step': n, 'pad': 'x' * 5000})\n"
    code += "    print(n, flush=True)"
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert len(run.rows()) >= 50
        run.cut(0)
        assert run.rows() == []
