"""An environment without torch: what `requirements-onnx.txt` promises, tried in a new one."""

from __future__ import annotations

import json
import subprocess
import time
import venv
from pathlib import Path

import pytest
from app_model import tiny

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_models_are_sampled_without_torch(tmp_path: Path) -> None:
    place = tmp_path / "environment"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"

    def pip(*words: str) -> None:
        done = subprocess.run([python, "-m", "pip", "install", "-q", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    pip("-r", str(ROOT / "requirements-onnx.txt"))
    pip("--no-deps", str(ROOT))
    tiny(tmp_path / "G.onnx")

    def run(*words: str) -> str:
        command = [place / "bin" / "ganzoo", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    seconds = []
    for name in ("first.png", "second.png"):  # the first time compiles the packages
        begun = time.monotonic()
        run("sample", "G.onnx", "-n", "1", "-o", name)
        seconds.append(time.monotonic() - begun)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    assert json.loads(run("inspect", "G.onnx", "--json"))
    run("sample", "G.onnx", "-n", "40", "--shards", "2", "--workers", "2", "-o", "shards")
    assert len(json.loads((tmp_path / "shards" / "index.json").read_text())["shards"]) == 2
    code = (
        "import sys, ganzoo; s = ganzoo.load('G.onnx'); s.interpolate(0, 1, 5).save('way.png');"
        "s.walk(1.0, 8).save('walk.gif'); s.vary(3).save('vary.png'); s.directions(2);"
        "assert not {'torch', 'torchvision', 'gradio'} & set(sys.modules)"
    )
    subprocess.run([python, "-c", code], cwd=tmp_path, check=True)
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    assert "torch" not in {row["name"] for row in json.loads(listed.stdout)}
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"\nwithout torch: {size / 1e6:.0f} MB, first image {seconds[0]:.2f} s, then {seconds[1]:.2f} s")
