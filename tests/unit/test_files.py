"""Atomic writes: whole or not at all, and a :class:`DataError` that names the path where it cannot be."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from spinbnn import files
from spinbnn.errors import DataError


def test_impossible_paths_are_named(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("x")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "afile" / "x.txt", tmp_path / "afile" / "deep" / "x.txt", tmp_path / "folder", Path("/proc/x.txt")):
        with pytest.raises(DataError, match="cannot be written") as caught:
            files.write_text(path, "text")
        assert caught.value.where == str(path) and caught.value.remedy
    assert sorted(p.name for p in tmp_path.iterdir()) == ["afile", "folder"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    target = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(DataError, match="cannot be written") as caught, files.atomic_path(target) as beside:  # noqa: PT012
        beside.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.value == "No space left on device"
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_errors_about_other_files_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.atomic_path(tmp_path / "a.txt"):
        (tmp_path / "other" / "b.txt").read_text()
