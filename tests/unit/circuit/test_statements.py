"""Statements, sections and includes of SPICE libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinbnn.circuit.statements import LibraryFiles, assignments, read_statements
from spinbnn.errors import DataError, NetlistError, ParameterError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")
    return path


def texts(library: LibraryFiles, section: str | None) -> list[str]:
    return [statement.text for statement in library.section(section)]


def test_lines_are_joined_and_comments_removed() -> None:
    text = "* title\n.param a = 1 $ one\n\n+ b=2 ; two\n* between\n  + c=3 // three\nR1 x 0 1k\n+\n+ tc=1\n"
    found = read_statements(text, "x.lib")
    assert [s.text for s in found] == [".param a = 1 b=2 c=3", "R1 x 0 1k tc=1"]
    assert [s.line for s in found] == [2, 7] and found[1].place == "x.lib, line 7"
    with pytest.raises(NetlistError, match="continues nothing") as caught:
        read_statements("* a\n+ b=1", "x.lib")
    assert caught.value.where == "x.lib, line 2"


@pytest.mark.parametrize(
    ("text", "head", "values"),
    [
        ("X1 a b sub w = 2u l={a == b ? 1 : 2} m='x=1'", ["X1", "a", "b", "sub"], {"w": "2u", "l": "{a == b ? 1 : 2}", "m": "'x=1'"}),
        ("a = {1} + b*c d=2", [], {"a": "{1} + b*c", "d": "2"}),
        ("X1 a b sub", ["X1", "a", "b", "sub"], {}),
        ("A=1, B=2", [], {"a": "1", "b": "2"}),
    ],
)
def test_assignments(text: str, head: list[str], values: dict[str, str]) -> None:
    assert assignments(text) == (head, values)


def test_sections_and_includes_are_followed_from_where_they_stand(tmp_path: Path) -> None:
    root = write(tmp_path / "root.lib", '.param outside=1\n.lib tt\n.param x=1\n.include "sub/a.inc"\n.param y=2\n.endl tt\n.LIB SS\n.lib \'other.lib\' slow\n.ENDL\n.param after=1\n')
    write(tmp_path / "sub" / "a.inc", ".inc b.inc\n.param a=1\n")
    write(tmp_path / "sub" / "b.inc", ".param b=1\n")
    write(tmp_path / "other.lib", ".lib fast\n.param f=1\n.endl\n.lib slow\n.param s=1\n.endl\n")
    library = LibraryFiles(root)
    assert library.sections() == ["tt", "SS"]
    assert texts(library, "tt") == [".param x=1", ".param b=1", ".param a=1", ".param y=2"]
    assert texts(library, "ss") == [".param s=1"]
    assert texts(library, None) == [".param outside=1", ".param after=1"]
    with pytest.raises(ParameterError, match="no such section") as caught:
        texts(library, "tx")
    assert str(root) in caught.value.where and "SS, tt" in caught.value.remedy


def test_a_section_that_another_file_lacks_names_both(tmp_path: Path) -> None:
    root = write(tmp_path / "root.lib", ".lib tt\n.lib other.lib slw\n.endl\n")
    write(tmp_path / "other.lib", ".lib slow\n.endl\n")
    with pytest.raises(ParameterError, match="no such section") as caught:
        texts(LibraryFiles(root), "tt")
    assert f"{root}, line 2" in caught.value.where and "other.lib" in caught.value.where and "slow" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "words"),
    [(".lib tt\n.param a=1\n", "does not end"), (".lib ss\n.lib tt\n.endl\n", "does not end"), (".lib tt\n.include gone.inc\n.endl\n", "cannot be read"), (".lib tt\n.include\n.endl\n", "without a file"), (".lib tt\n.include root.lib\n.lib root.lib tt\n.endl\n", "without end")],
)
def test_damage_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    root = write(tmp_path / "root.lib", text)
    with pytest.raises(DataError, match=words) as caught:
        texts(LibraryFiles(root), "tt")
    assert f"{root}, line " in caught.value.where and caught.value.remedy


def test_a_root_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        LibraryFiles(tmp_path / "none.lib")


def test_what_was_read_stays_and_changes_are_seen(tmp_path: Path) -> None:
    root = write(tmp_path / "one" / "root.lib", ".lib tt\n.include a.inc\n.endl\n")
    inner = write(tmp_path / "one" / "a.inc", ".param a=1\n")
    library = LibraryFiles(root)
    before = texts(library, "tt")
    assert library.changed() is None
    inner.write_text(".param a=2 \n", encoding="utf-8")
    assert library.changed() == inner and texts(library, "tt") == before
    inner.unlink()
    assert library.changed() == inner
    write(tmp_path / "two" / "root.lib", ".lib tt\n.include a.inc\n.endl\n")
    write(tmp_path / "two" / "a.inc", ".param a=1\n")
    other = LibraryFiles(tmp_path / "two" / "root.lib")
    assert texts(other, "tt") == before and other.content_hash == library.content_hash
    write(tmp_path / "three" / "root.lib", ".lib tt\n.include a.inc\n.endl\n")
    write(tmp_path / "three" / "a.inc", ".param a=3\n")
    third = LibraryFiles(tmp_path / "three" / "root.lib")
    assert texts(third, "tt") != before and third.content_hash != library.content_hash
