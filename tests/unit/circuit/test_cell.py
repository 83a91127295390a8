"""Netlist cells: what a file must hold, and what its uses are checked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinbnn.circuit import Cell
from spinbnn.errors import DataError, NetlistError

TEXT = """* a resistor
.subckt Res A b r=1k
+ t=2u ; two
R1 a b {r}
.ends
"""


def parse(text: str = TEXT) -> Cell:
    return Cell.parse(text, Path("folder/res.cir"))


def test_ports_and_parameters() -> None:
    cell = parse()
    assert (cell.name, cell.ports, dict(cell.parameters)) == ("res", ("a", "b"), {"r": 1e3, "t": 2e-6})
    assert cell.instance("1", ["x", "y"], r=2.0) == "X1 x y res r=2.0"
    assert cell.content_hash == parse().content_hash != parse(TEXT + "* more\n").content_hash


def test_wrong_uses_name_the_file() -> None:
    cell = parse()
    with pytest.raises(NetlistError, match="2 ports") as caught:
        cell.instance("m", ["x"])
    assert caught.value.where == "folder/res.cir, instance 'm'" and caught.value.value == ["x"]
    with pytest.raises(NetlistError, match="no such parameter") as caught:
        cell.instance("m", ["x", "y"], rr=1.0)
    assert caught.value.where == "folder/res.cir, instance 'm'" and "did you mean 'r'" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT + TEXT, "one .subckt"),
        (TEXT.replace(".ends", ""), "one .subckt"),
        (TEXT.replace("r=1k", "r={x}"), "plain number"),
        (TEXT.replace(".subckt Res A b r=1k\n+ t=2u ; two", ".subckt res"), "cannot be read"),
        ("+ first\n" + TEXT, "continuation"),
        (TEXT + ".tran 1n 2n\n", "no analyses"),
        (TEXT + ".end\n", "no analyses"),
        (TEXT + ".OP\n", "no analyses"),
        (TEXT + ".control\n", "control blocks"),
        (TEXT + '.include "other.cir"\n', "no files"),
        (TEXT + ".inc other.cir\n", "no files"),
        (TEXT + ".lib other.lib tt\n", "no files"),
    ],
)
def test_files_that_are_no_cell_are_refused(text: str, words: str) -> None:
    with pytest.raises(NetlistError, match=words) as caught:
        parse(text)
    assert "folder/res.cir" in caught.value.where and caught.value.remedy


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no cell"):
        Cell.load("sens_amp")
    path = tmp_path / "x.cir"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="cannot be read"):
        Cell.load(path)
