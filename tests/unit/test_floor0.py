"""Floor 0: units, errors, streams, files, resources, tables."""

from __future__ import annotations

import io
import pickle
import shlex
from pathlib import Path

import numpy as np
import pytest

from spinbnn import files, provenance, resources, rng, units
from spinbnn.errors import (
    DataError,
    MissingToolError,
    ParameterError,
    SimulationError,
    SpinbnnError,
    UnitError,
)
from spinbnn.tables import Column, Table


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1.1 nm", "m", 1.1e-9), ("500 uA", "A", 5e-4), ("500 µA", "A", 5e-4), ("666.2 uA/um", "A/m", 666.2), ("3.5 mV um", "V m", 3.5e-9),
        ("60 fJ/(V m)", "J/(V m)", 6e-14), ("9.82 ohm um^2", "ohm m^2", 9.82e-12), ("160 uohm cm", "ohm m", 1.6e-6), ("25 degC", "K", 298.15),
        ("-40 degC", "K", 233.15), ("300 K", "K", 300.0), ("7 %", "1", 0.07), (0.5, "1", 0.5), ("40", "1", 40.0), ("1e12 A/m^2", "A/m^2", 1e12),
        ("43 MA/cm^2", "A/m^2", 43e10), ("1 GHz", "Hz", 1e9), ("1/s", "Hz", None), ("200 Oe", "A/m", 15915.494309189535), ("90 mV/dec", "V/dec", 0.09),
        ("1 % um", "m", 1e-8), ("2 1/(s/(A m))", "A m/s", 2.0), ("3 J/V/m", "J/(V m)", 3.0), ("4 A/m s", "A s/m", 4.0), ("5 (nm)(uA)", "A m", 5e-15),
    ],
)  # fmt: skip
def test_quantities(text: str | float, unit: str, value: float | None) -> None:
    if value is None:  # a number must stand before the unit
        with pytest.raises(UnitError):
            units.quantity("/s", unit)
        return
    assert units.quantity(text, unit) == pytest.approx(value, rel=1e-14)


def test_a_decimal_text_gives_the_nearest_float() -> None:
    assert units.quantity("1.1 nm", "m") == 1.1e-9
    assert units.quantity("0.3 V", "V") == 0.3
    assert units.quantity("20.1 mV", "V") == 0.0201


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1.1", "m"), (1.1, "m"), ("1.1 V", "m"), ("1 florin", "m"), ("nm", "m"), ("1 nm/", "m"), (True, "1"), (None, "1"), ("1 A/m", "A"), (float("nan"), "1"), ("1 degC", "V"), ("1 m%", "1"),
     ("1 nm(", "m"), ("1 nm)", "m"), ("1 (nm", "m"), ("1 ()", "1"), ("1 m()", "m"), ("1 (/m)", "1/m"), ("1 m**m", "m^2"), ("1 *m", "m"), ("1 m//s", "m/s"), ("1 1/(s/(A m)", "A m/s"), ("1 1/(s/(A m))", "A/(s m)"),
     ("1e400 V", "V"), ("1e308 kV", "V"), ("-1e400", "1"), ("1e400 degC", "K"), (10**400, "1"), (10**4000, "m"), ("1 km^99 km^99", "m^99"), ("1 nm^99", "m^99"), ("1 m^100", "m")],
)
def test_bad_quantities_name_place_and_value(text: object, unit: str) -> None:
    with pytest.raises(UnitError) as caught:
        units.quantity(text, unit, where="x.toml, key 'k'")  # type: ignore[arg-type]
    assert "x.toml" in str(caught.value) and "remedy" in str(caught.value)


@pytest.mark.parametrize(("text", "value"), [("1M", 1e-3), ("1meg", 1e6), ("2.2MEGohm", 2.2e6), ("10pF", 1e-11), ("5", 5.0), ("1e-9", 1e-9), ("3mil", 76.2e-6), (".5u", 5e-7)])
def test_spice_numbers(text: str, value: float) -> None:
    assert units.parse_spice(text) == pytest.approx(value, rel=1e-15)


def test_spice_numbers_are_written_plainly_and_only_if_finite() -> None:
    assert units.spice_number(np.float64(1.1e-9)) == "1.1e-09"
    for bad in (float("nan"), float("inf")):
        with pytest.raises(UnitError):
            units.spice_number(bad)
    for text in ("abc", "1e400", "-1e308k"):
        with pytest.raises(UnitError):
            units.parse_spice(text)


@pytest.mark.parametrize(("value", "unit", "text"), [(2.3e-4, "A", "230 µA"), (9.9999e-7, "s", "1 µs"), (-1.5e3, "V", "-1.5 kV"), (0.0, "J", "0 J"), (None, "J", "?"), (float("nan"), "J", "?"), (0.07, "1", "0.07 1")])
def test_format(value: float | None, unit: str, text: str) -> None:
    assert units.format_si(value, unit) == text


def test_errors_say_what_where_value_and_remedy_and_survive_a_process_border() -> None:
    error = SimulationError("no convergence", where="deck 'x'", value=1, remedy="shorten the step")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is SimulationError and str(again) == str(error)
    assert "deck 'x'" in str(error) and "value:  1" in str(error)
    assert "value" not in str(ParameterError("w", remedy="r"))
    assert [e("x").exit_code for e in (ParameterError, DataError, SimulationError, MissingToolError)] == [2, 2, 3, 3]
    assert issubclass(UnitError, ParameterError) and issubclass(ParameterError, SpinbnnError)


def test_streams_depend_on_seed_and_name_alone() -> None:
    first = rng.stream(1, "a", 2).random(4)
    assert np.array_equal(first, rng.stream(1, "a", 2).random(4))
    others = [rng.stream(1, "a", 3), rng.stream(1, "a", "2"), rng.stream(2, "a", 2), rng.stream(1, "a"), rng.stream(1, "a", 2, 0)]
    assert all(not np.array_equal(first, g.random(4)) for g in others)
    for bad in (-1, 1.5, True, "1"):
        with pytest.raises(ParameterError):
            rng.stream(bad, "a")  # type: ignore[arg-type]


def test_atomic_files_are_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.json"
    files.write_json(target, {"x": 1})
    with pytest.raises(RuntimeError), files.atomic_path(target) as beside:  # noqa: PT012
        beside.write_text("half")
        raise RuntimeError
    assert target.read_text() == '{\n  "x": 1\n}\n'
    assert list(target.parent.iterdir()) == [target]
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(target, {"x": float("nan")})


def test_resources_are_found_by_name_path_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resources.find("cell", "sot_mtj").name == "sot_mtj.cir"
    assert resources.find("cell", "sot_mtj.cir").suffix == ".cir"
    own = tmp_path / "device_params" / "mine.toml"
    own.parent.mkdir()
    own.write_text("x = 1")
    assert resources.find("device", own) == own
    monkeypatch.setenv("SPINBNN_PATH", str(tmp_path))
    assert resources.find("device", "mine") == own
    assert "mine" in resources.available("device")
    with pytest.raises(DataError, match="seed_eq23"):
        resources.find("device", "seed_eq32")
    with pytest.raises(ParameterError, match="did you mean"):
        resources.find("devise", "x")
    with pytest.raises(DataError, match="exists"):
        resources.copy("device", "mine", own)


@pytest.mark.parametrize("destination", ["{file}/x.toml", "{folder}/" + 300 * "a", "/proc/x"])
def test_a_copy_that_cannot_be_written_is_a_data_error(tmp_path: Path, destination: str) -> None:
    (tmp_path / "file").write_text("")
    target = destination.format(file=tmp_path / "file", folder=tmp_path)
    with pytest.raises(DataError, match=r"cannot be (copied|written)") as caught:
        resources.copy("device", "seed_eq23", target)
    assert target in str(caught.value) and "remedy" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"], "nothing is left behind"


def test_a_name_that_no_file_can_have_is_not_found() -> None:
    with pytest.raises(DataError, match="no flow of this name"):
        resources.find("flow", 300 * "a")


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        ("/some/folder/x.h5", "x.h5"), ("--out=/some/folder/x.h5", "--out=x.h5"), ("-o/some/folder/x.h5", "-ox.h5"), ("key=~/me/x", "key=x"), ("../../me/x.toml", "x.toml"),
        ("runs/../../me/x", "x"), ("/a/me:/b/c", "me:c"), ("file:///home/me/x", "file:x"), ("['/home/me/x']", "['x']"), ("/some/folder/", "folder"), ("/some/a (1)/x", "x"), ("--x=/some/a (1)/x", "--x=x"),
        # nothing of this machine: stays
        ("runs/a.h5", "runs/a.h5"), ("1 uA/um", "1 uA/um"), ("J/(V m)/s", "J/(V m)/s"), ("--slope=1/s", "--slope=1/s"), ("https://a.org/b", "https://a.org/b"), ("-j", "-j"), ("", ""), ("/", "/"), ("..", ".."),
    ],
)  # fmt: skip
def test_the_recorded_command_names_no_folder_of_this_machine(monkeypatch: pytest.MonkeyPatch, argument: str, kept: str) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/me/bin/spinbnn", "run", argument])
    assert shlex.split(provenance.command()) == ["spinbnn", "run", kept]
    monkeypatch.setattr("sys.argv", ["/opt/me/spinbnn/__main__.py"])
    assert provenance.command() == "spinbnn"


def test_the_time_of_a_build_is_honoured_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert provenance.record(1)["time_utc"] == "1970-01-02T00:00:00+00:00"
    for bad in ("abc", "1e9", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", bad)
        with pytest.raises(ParameterError, match="SOURCE_DATE_EPOCH"):
            provenance.utc_now()


def test_a_narrow_terminal_folds_a_source_and_cuts_nothing() -> None:
    from rich.console import Console

    source = "https://doi.org/10.1109/TED.2006.884077-and-more-than-forty-letters"
    out = io.StringIO()
    Console(width=40, file=out).print(Table("T", ["field", "source"], [["thermal.delta", source]]).rich())
    text = out.getvalue()
    cells = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    assert "…" not in text and max(map(len, text.splitlines())) <= 40
    assert "".join(cell[1].strip() for cell in cells) == "thermal.delta" and "".join(cell[2].strip() for cell in cells) == source


def test_tables_from_one_row_list() -> None:
    table = Table("T & <b>", ["na|me", Column("x", "pJ", 3)], [["a_b%", 1.23456], ["<i>", None], ["n", float("nan")]], note="n")
    assert "| a_b% | 1.23 |" in table.to_markdown() and "na\\|me" in table.to_markdown()
    assert table.to_csv().splitlines() == ["na|me,x [pJ]", "a_b%,1.23456", "<i>,", "n,"]
    assert r"a\_b\%" in table.to_latex() and r"\toprule" in table.to_latex() and "& ? " in table.to_latex()
    page = table.to_html()
    assert "<i>" not in page and "&lt;i&gt;" in page and "T &amp; &lt;b&gt;" in page and 'scope="row"' in page
    assert table.rich().row_count == 3
    with pytest.raises(ParameterError, match="row 0 has 1 cells"):
        Table("x", ["a", "b"], [["only one"]])
