"""Atomic writing: whatever happens, the file is the old one or the new one, and nothing else is left."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganzoo import files
from ganzoo.errors import DamagedFile, GanzooError, SpaceError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with files.atomic(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a"
    files.write_bytes(path, b"old")

    def interrupted() -> None:
        with files.atomic(path) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_a_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with files.atomic(tmp_path / "a") as temporary:
            private = tmp_path / "private"
            private.touch(mode=0o600)
            private.replace(temporary)  # as safetensors' own writer does
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_file_and_folder_are_synced_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("replace"), replace(a, b)))
    files.write_bytes(tmp_path / "a", b"x")
    assert done == ["file", "replace", "folder"]


def test_a_folder_that_cannot_be_synced_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", sync)
    files.write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    os.symlink(target, tmp_path / "link")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    before = names(tmp_path)
    for name in ("link", "dangling", "pipe", "folder"):
        with pytest.raises(GanzooError, match=f"{name}: it is .*; name a file"):
            files.write_bytes(tmp_path / name, b"x")
    assert names(tmp_path) == before
    assert target.read_text() == "kept"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_inside_the_block_is_a_space_error(tmp_path: Path, number: int) -> None:
    path = tmp_path / "a"
    with pytest.raises(SpaceError, match=r"cannot write .*/a: .*; ") as caught, files.atomic(path):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == 3
    assert names(tmp_path) == []


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_read_only_place_is_a_space_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    files.write_bytes(tmp_path / "a", b"old")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(SpaceError, match="read-only"):
            files.write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_refusal_about_another_file_is_not_ours(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), files.atomic(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "denied", "/somewhere/else")
    with pytest.raises(SpaceError, match="no permission"), files.space_errors(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "denied", str(tmp_path / "a"))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"there is no folder .*/gone; create it"):
        files.write_text(tmp_path / "gone" / "a", "x")


def test_a_place_is_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    files.check_file(tmp_path / "a.png")
    files.check_folder(tmp_path / "new" / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["file"], "nothing is made"
    with pytest.raises(SpaceError, match="there is no folder"):
        files.check_file(tmp_path / "new" / "a.png")
    with pytest.raises(SpaceError, match="file is no folder"):
        files.check_folder(tmp_path / "file" / "folder")
    monkeypatch.setattr(os, "access", lambda *_: False)
    for check in (files.check_file, files.check_folder):
        with pytest.raises(SpaceError, match="no permission to write"):
            check(tmp_path / "a")


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".png")
    files.write_bytes(path, b"x")
    assert path.read_bytes() == b"x"


def _write_beyond_the_limit(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        files.write_bytes(path, b"x" * 100_000)
    except SpaceError as error:
        os._exit(7 if str(path) in str(error) else 8)
    os._exit(0)


def test_the_file_size_limit_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write_bytes(path, b"old")
    child = multiprocessing.get_context("fork").Process(target=_write_beyond_the_limit, args=(path,))
    child.start()
    child.join(30)
    assert child.exitcode == 7
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_sweep_removes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    code = "import os, sys; from ganzoo.files import atomic\nwith atomic(sys.argv[1]): os._exit(0)"
    root = Path(files.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True, cwd=root)
    left = names(tmp_path)
    assert len(left) == 1
    (tmp_path / f".tmp-{os.getpid()}-00000000-0-b").touch()  # our pid, an earlier process
    kept = [".tmp-notes", ".tmp-1-0123abcd-0-c", "d"]  # not ours, alive, an ordinary file
    for name in kept:
        (tmp_path / name).touch()
    with files.atomic(tmp_path / "e") as temporary:
        assert len(files.sweep(tmp_path)) == 2
        assert names(tmp_path) == sorted([*kept, temporary.name])
    assert files.sweep(tmp_path / "gone") == []


def test_json_is_canonical(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"b": [1, 2.5], "a": {"ä": None}})
    first = path.read_bytes()
    files.write_json(path, {"a": {"ä": None}, "b": [1, 2.5]})
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert files.read_json(path) == {"b": [1, 2.5], "a": {"ä": None}}
    assert json.loads(files.canonical({"b": 1, "a": 2})) == {"a": 2, "b": 1}
    assert files.canonical({"b": 1, "a": 2}) == '{"a":2,"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, float("nan"))
    assert path.read_bytes() == first


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="there is no file"):
        files.read_json(tmp_path / "gone")
    with pytest.raises(GanzooError, match="cannot read"):
        files.read_bytes(tmp_path)
    (tmp_path / "a").write_bytes(b'{"a": \xff')
    with pytest.raises(DamagedFile, match="/a is damaged"):
        files.read_json(tmp_path / "a")


def test_sha256_of(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "a", b"abc")
    assert files.sha256_of(tmp_path / "a").startswith("ba7816bf8f01cfea")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written; root, whom no permission stops, is another user for the while."""
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(user)
    tmp_path.chmod(0o755)


def test_a_read_only_folder_is_one_sentence(read_only: Path) -> None:
    for write in (files.make_folder, lambda path: files.write_bytes(path, b"")):
        with pytest.raises(SpaceError, match="permission") as caught:
            write(read_only / "new")
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_where_the_system_makes_the_files_none_can_be_written() -> None:
    with pytest.raises(SpaceError, match=r"cannot write /proc/x\.png: the system keeps no file there"):
        files.write_bytes("/proc/x.png", b"")
    with pytest.raises(SpaceError, match="cannot write /proc/x/y: no folder can be made there"):
        files.make_folder("/proc/x/y")


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(SpaceError, match="is no folder"):
        files.make_folder(tmp_path / "file" / "b")
