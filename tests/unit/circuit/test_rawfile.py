"""Raw files of ngspice, written here byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinbnn.circuit.simulator.rawfile import read_raw
from spinbnn.circuit.simulator.vectors import canonical
from spinbnn.errors import DataError

NAMES = (("time", "time"), ("v(out)", "voltage"), ("i(v.x1.va)", "current"), ("i(@d1[id])", "current"))
TABLE = np.arange(12.0).reshape(3, 4) / 7.0


def raw(
    names: tuple[tuple[str, str], ...] = NAMES,
    table: np.ndarray = TABLE,
    *,
    flags: str = "real",
    points: str | None = None,
    variables: str | None = None,
    mark: str = "Binary:",
) -> bytes:
    head = (
        f"Title: * t\nDate: Fri Nov 20 10:51:06  2026\nPlotname: Transient Analysis\nFlags: {flags}\n"
        f"No. Variables: {variables or len(names)}\nNo. Points: {points or len(table)}       \nVariables:\n"
    )
    head += "".join(f"\t{n}\t{name}\t{kind}\n" for n, (name, kind) in enumerate(names))
    return (head + mark + "\n").encode() + table.tobytes()


def write(folder: Path, data: bytes) -> Path:
    path = folder / "out.raw"
    path.write_bytes(data)
    return path


def test_values_and_names_come_back_exactly(tmp_path: Path) -> None:
    vectors = read_raw(write(tmp_path, raw()))
    assert list(vectors) == [name for name, _ in NAMES]
    for column, values in enumerate(vectors.values()):
        assert values.tobytes() == TABLE[:, column].tobytes()
        assert values.flags.writeable and values.flags.c_contiguous
    assert [canonical(name) for name in vectors] == ["time", "v(out)", "i(v.x1.va)", "@d1[id]"]


def test_data_that_look_like_the_header_do_no_harm(tmp_path: Path) -> None:
    table = np.frombuffer((b"Binary:\nVariable" * 4)[:64], dtype=np.float64).reshape(2, 4)
    vectors = read_raw(write(tmp_path, raw(table=table)))
    assert np.column_stack(list(vectors.values())).tobytes() == table.tobytes()


def test_no_points_are_empty_vectors(tmp_path: Path) -> None:
    vectors = read_raw(write(tmp_path, raw(table=np.zeros((0, 4)))))
    assert all(values.shape == (0,) for values in vectors.values())


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not a binary raw file"),
        (raw(mark="Values:"), "not a binary raw file"),
        (raw(flags="complex"), "real"),
        (raw()[:-8], "broke off"),
        (raw() + raw(), "second plot"),
        (raw(points="x"), "count"),
        (raw(points="7"), "broke off"),
        (raw(variables="5"), "variables"),
        (b"Flags: real\nBinary:\n", "variables"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, data: bytes, word: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(DataError, match=word) as caught:
        read_raw(path)
    assert str(path) in caught.value.where and caught.value.remedy


def test_a_huge_count_in_the_header_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="announces"):
        read_raw(write(tmp_path, raw(points="999999999999")))
