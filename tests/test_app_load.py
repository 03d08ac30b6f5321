"""A real server under bounded load on the loopback: what is accepted is answered, and nothing grows."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from app_model import tiny

import ganzoo

SERVER = "import sys; from ganzoo.app import serve; serve(sys.argv[1:], port=0)"
FORMATS = ("png", "npz", "json", "zip")


@dataclass
class Running:
    """A server in a process of its own, and the folder that it keeps temporary files in."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    model: Path

    def ask(self, body: object, path: str = "/v1/sample") -> tuple[int, bytes]:
        """(status, body); an OSError or HTTPException if the answer is not whole."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            answer = line.getresponse()
            content = answer.read()
            assert answer.status != 503 or answer.headers.get("retry-after") or not content.startswith(b"{")
            return answer.status, content
        finally:
            line.close()

    def memory(self) -> int:
        """Resident bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    model = tiny(tmp_path / "m.onnx", "conditional")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    root = str(Path(ganzoo.__file__).parent.parent)
    known = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO", "HF_", "GANZOO"))}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(model)], stdout=subprocess.PIPE, text=True,
        stderr=(tmp_path / "log").open("w"),
        env={**known, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "PYTHONPATH": root},
    )  # fmt: skip
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, (tmp_path / "log").read_text()
    yield Running(process, int(address.rpartition(":")[2]), temporary, model)
    process.kill()
    process.wait(10)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_load_vanished_and_slow_clients_then_the_end(server: Running) -> None:
    """Every request gets a whole answer; memory and the temporary folder stay flat; the end takes under 10 s."""

    def ask(k: int) -> int:
        status, content = server.ask({"n": 16, "seed": k, "format": FORMATS[k % 4]})
        assert status == 503 or len(content) > 1000
        return status

    with ThreadPoolExecutor(6) as clients:
        assert set(clients.map(ask, range(100))) == {200}
        before = server.memory()
        assert set(clients.map(ask, range(100, 500))) == {200}
        assert server.memory() - before < 24 * 2**20
        assert [p.name[:13] for p in server.folder.iterdir()] == ["ganzoo-serve-"]
        assert sum(p.stat().st_size for p in server.folder.rglob("*") if p.is_file()) < 2**20

    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
    for k, line in enumerate(slow):  # half a head, half a body, an answer that nobody reads
        body = json.dumps({"n": 256, "format": "json", "seed": k}).encode()
        head = b"POST /v1/sample HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
        line.sendall((head, head + length + body[:5], head + length + body)[k % 3])
        if k % 3 == 2:
            line.close()
    end = time.monotonic() + 20
    while server.ask({"n": 1})[0] != 200:  # as soon as a slot is free
        assert time.monotonic() < end
        time.sleep(0.1)

    answers: list[int] = []
    beginning = threading.Barrier(13)

    def last(k: int) -> None:
        beginning.wait()
        answers.append(server.ask({"n": 256, "seed": k, "format": "zip"})[0])

    threads = [threading.Thread(target=last, args=(k,)) for k in range(12)]
    for thread in threads:
        thread.start()
    beginning.wait()
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    server.process.wait(15)
    assert time.monotonic() - began < 10
    for thread in threads:
        thread.join(10)
    assert Counter(answers).total() == 12
    assert set(answers) <= {200, 503}
    assert 200 in answers
    assert list(server.folder.iterdir()) == []
    for line in slow:
        line.close()


ALONE = """
import os, sys, ganzoo
ganzoo.load(sys.argv[1]).sample(4)
print(sorted(str(p) for folder in sys.argv[2:] for p in __import__("pathlib").Path(folder).rglob("*")))
"""


def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """Its official builds write an identifier and send reports, unless they are told not to."""
    folders = [tmp_path / "temporary", tmp_path / "home"]
    for folder in folders:
        folder.mkdir()
    model = tiny(tmp_path / "m.onnx")
    root = str(Path(ganzoo.__file__).parent.parent)
    known = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    known |= {"TMPDIR": str(folders[0]), "HOME": str(folders[1]), "PYTHONPATH": root}
    command = [sys.executable, "-c", ALONE, str(model), *map(str, folders)]
    assert subprocess.run(command, env=known, capture_output=True, text=True, check=True).stdout.strip() == "[]"


IMPATIENT = """
import sys
from ganzoo.app import server
server.PATIENCE = 0.5
server.serve(sys.argv[1:], port=0)
"""


def test_silent_connections_are_closed(tmp_path: Path) -> None:
    """One that sends nothing, half a head, or half of a second one; not one whose answer is being made."""
    model = tiny(tmp_path / "m.onnx")
    process = subprocess.Popen([sys.executable, "-c", IMPATIENT, str(model)], stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline().rpartition(":")[2])  # type: ignore[union-attr]
        head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for sent in (b"", head, head + b"\r\n" + head):
            with socket.create_connection(("127.0.0.1", port), timeout=15) as line:
                line.sendall(sent)
                said = b""
                while part := line.recv(4096):
                    said += part
                assert said.count(b"HTTP/1.1 200") == sent.count(b"\r\n\r\n")
        body = b'{"n": 1}'
        request = b"POST /v1/sample HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=15) as line:
            line.sendall(request + b"Content-Length: 8\r\n\r\n" + body[:4])
            time.sleep(2)
            line.sendall(body[4:])
            assert line.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        process.kill()
        process.wait(10)


SLOW = """
import sys, time
from ganzoo.onnx_backend import OnnxBackend
from ganzoo.app import server, studio
from ganzoo.cli import cli
server.DRAIN = 0.5
shown = studio._shown
def slowed(path, base):
    found = shown(path, base)
    for one in found.values():
        one.backend.run = lambda inputs: (print("drawing", flush=True), time.sleep(60))
    return found
studio._shown = slowed
cli(["serve", sys.argv[1], "--port", "0"])
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_does_not_end_holds_nobody(tmp_path: Path, how: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tiny(tmp_path / "m.onnx"))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().rpartition(":")[2])
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("POST", "/v1/sample", b'{"n": 1}', {"content-type": "application/json"})
    assert process.stdout.readline() == "drawing\n"
    process.send_signal(how)
    began = time.monotonic()
    process.wait(30)
    assert time.monotonic() - began < 6
    line.close()


def test_a_server_goes_with_its_terminal(tmp_path: Path) -> None:
    """The terminal's end and 'load the models again' are one signal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SERVER, str(tiny(tmp_path / "m.onnx"))])
    said = b""
    while b"http://" not in said:
        said += os.read(terminal, 4096)
    os.kill(pid, signal.SIGHUP)
    time.sleep(1)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it has its terminal"
    os.close(terminal)
    end = time.monotonic() + 20
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_sighup_loads_the_models_again(server: Running) -> None:
    old = server.ask({"n": 2})[1]
    good = server.model.read_bytes()
    server.model.write_bytes(good[:50])
    server.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 20
    log = server.folder.parent / "log"
    while "the model from before goes on" not in log.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert server.ask({"n": 2})[1] == old
    tiny(server.model, "conditional", seed=1)
    server.process.send_signal(signal.SIGHUP)
    while server.ask({"n": 2})[1] == old:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert server.ask({"n": 2})[1] == ganzoo.load(server.model).sample(2).png()
