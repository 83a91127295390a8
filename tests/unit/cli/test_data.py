from __future__ import annotations

import hashlib

import pytest

from spinbnn.cli import main
from spinbnn.data.sources import SOURCES


def test_the_list_says_what_is_at_hand(tmp_path, capsys):
    (tmp_path / "kmnist").mkdir()
    for name in ("kmnist-test-imgs.npz", "kmnist-test-labels.npz"):
        (tmp_path / "kmnist" / name).write_bytes(b"")
    main(["data", "list", "--root", str(tmp_path)])
    out = capsys.readouterr().out
    blocks = {block.split(":")[0]: block for block in out.replace("\n  ", "  ").splitlines()}
    assert "here:    scikit-learn" in blocks["digits"]
    for name, source in SOURCES.items():
        place = str(tmp_path / "kmnist") if name == "kmnist" else "no"
        assert f"here:    {place}  " in blocks[name]
        assert source.licence in blocks[name] and source.homepage in blocks[name]


def test_fetching_what_is_there_prints_source_and_licence(tmp_path, capsys, monkeypatch):
    import dataclasses

    source = SOURCES["mnist"]
    (tmp_path / "mnist").mkdir()
    remotes = []
    for k, remote in enumerate(source.files):
        (tmp_path / "mnist" / remote.name).write_bytes(bytes([k]))
        remotes.append(dataclasses.replace(remote, checksum=f"sha256:{hashlib.sha256(bytes([k])).hexdigest()}", addresses=()))
    monkeypatch.setitem(SOURCES, "mnist", dataclasses.replace(source, files=tuple(remotes)))
    main(["data", "fetch", "mnist", "--root", str(tmp_path)])
    out = capsys.readouterr().out
    assert "4 files" in out and source.licence in out and source.homepage in out


def test_an_unknown_set_is_an_error_of_the_family(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["data", "fetch", "minst", "--root", str(tmp_path)])
    assert stop.value.code == 2 and "'mnist'" in capsys.readouterr().err
