"""Model libraries: text in the deck where they stand alone, an include that is watched where they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spinbnn import files
from spinbnn.circuit.model_library import ModelLibrary
from spinbnn.errors import DataError, ParameterError

CARDS = "* cards\n.model n nmos\n.model p pmos\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_library_that_stands_alone_is_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.lib", CARDS)
    library = ModelLibrary.load(path)
    path.unlink()
    assert library.deck_text() == CARDS.rstrip("\n")
    assert library.content_hash == files.content_hash(CARDS.encode())


@pytest.mark.parametrize(
    "line",
    ['.include "sub/b.inc"', ".INC sub/b.inc", " .include 'sub/b.inc'", ".lib sub/b.inc tt", '.lib "sub/b.inc" tt $ typical'],
)
def test_a_library_with_others_is_included_and_watched(tmp_path: Path, line: str) -> None:
    path, nested = write(tmp_path / "a.lib", CARDS + line + "\n"), write(tmp_path / "sub" / "b.inc", ".include c.inc\n")
    deepest = write(tmp_path / "sub" / "c.inc", "* 1\n")
    library = ModelLibrary.load(path)
    assert library.deck_text() == f'.include "{path}"'
    assert [Path(stamp[0]) for stamp in library.stamps] == [path, nested, deepest]
    write(deepest, "* 2\n")
    os.utime(deepest, ns=(1, 1))
    with pytest.raises(DataError, match="changed after") as caught:
        library.deck_text()
    assert caught.value.where == str(deepest)
    again = ModelLibrary.load(path)
    assert again.content_hash != library.content_hash
    deepest.unlink()
    with pytest.raises(DataError, match="gone"):
        again.deck_text()
    with pytest.raises(DataError, match="cannot be read") as caught:
        ModelLibrary.load(path)
    assert str(deepest) in caught.value.where


def test_hash_does_not_follow_the_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder / "a.lib", ".include b.inc\n")
        write(tmp_path / folder / "b.inc", CARDS)
    one, two = (ModelLibrary.load(tmp_path / folder / "a.lib") for folder in ("one", "two"))
    assert one.content_hash == two.content_hash


@pytest.mark.parametrize("text", [".lib tt\n.model n nmos\n.endl\n", ".lib a.lib tt\n", CARDS + ".control\nquit\n.endc\n", CARDS + ".end\n"])
def test_sections_and_what_a_deck_may_not_hold_stay_in_their_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.lib", text)
    library = ModelLibrary.load(path)
    assert library.text is None and library.deck_text() == f'.include "{path}"'


def test_other_encodings_stay_in_their_file(tmp_path: Path) -> None:
    path = tmp_path / "a.lib"
    path.write_bytes(b"* \xb5m\n" + CARDS.encode())
    assert ModelLibrary.load(path).deck_text() == f'.include "{path}"'


def test_line_ends_do_not_reach_the_deck(tmp_path: Path) -> None:
    path = tmp_path / "a.lib"
    path.write_bytes(CARDS.replace("\n", "\r\n").encode())
    assert ModelLibrary.load(path).deck_text() == CARDS.rstrip("\n")


@pytest.mark.parametrize("name", ['a"b', "a;b"])
def test_paths_that_break_a_deck_are_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "cards.inc", CARDS)
    library = ModelLibrary.load(write(tmp_path / name / "a.lib", ".include ../cards.inc\n"))
    with pytest.raises(ParameterError, match="path"):
        library.deck_text()
    alone = ModelLibrary.load(write(tmp_path / name / "b.lib", CARDS))
    assert alone.deck_text() == CARDS.rstrip("\n")
