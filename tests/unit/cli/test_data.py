from __future__ import annotations

import hashlib

import pytest

from spinbnn.cli import main
from spinbnn.data.sources import SOURCES


def test_the_list_says_what_is_at_hand(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    main(["data", "list", "--root", str(tmp_path)])
    out = capsys.readouterr().out
    lines = {line.split("│")[1].strip(): line for line in out.splitlines() if "│" in line}
    assert "scikit-learn" in lines["digits"]
    for name, source in SOURCES.items():
        assert "not here" in lines[name] and source.licence[:10] in lines[name]


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
