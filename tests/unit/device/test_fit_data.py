"""Switching data and the files they come from: every fault is named with its line, nothing is guessed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spinbnn.device.fitting import SwitchingData, read_switching_csv
from spinbnn.device.fitting.data import coarse_counts
from spinbnn.errors import DataError, ParameterError, SpinbnnError, UnitError

GOOD = {"current": [190e-6, 200e-6, 210e-6], "pulse": 1e-8, "trials": 50, "switched": [4, 25, 46]}


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trials": 0}, "never guessed"), ({"trials": [50, np.nan, 50]}, "point 1"), ({"trials": 50.5}, "whole numbers"), ({"switched": [4, 25, 51]}, "point 2"),
        ({"switched": [4, -1, 46]}, "0..trials"), ({"switched": [4, 25.4, 46]}, "whole numbers"), ({"current": [190e-6, -2e-4, 1e-4]}, "point 1"), ({"current": [190e-6, np.inf, 1e-4]}, "finite"),
        ({"pulse": 0.0}, "pulse width"), ({"pulse": -1e-8}, "pulse width"), ({"pulse": np.nan}, "pulse width"), ({"temperature": 0.0}, "0 K"),
        ({"switched": [4, 25]}, "one list of points"), ({"current": ["a", "b", "c"]}, "no numbers"), ({"current": [], "switched": []}, "no point"),
    ],
)  # fmt: skip
def test_bad_numbers_are_refused_with_their_point(change: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SwitchingData.of(**(GOOD | change))  # type: ignore[arg-type]
    assert words in str(caught.value) and "remedy" in str(caught.value)


def test_data_are_immutable_and_hashed_by_their_numbers() -> None:
    data = SwitchingData.of(**GOOD, label="a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read-only"):
        data.current[0] = 1.0
    assert data.hash == SwitchingData.of(**GOOD, label="b").hash  # type: ignore[arg-type]
    assert data.hash != SwitchingData.of(**(GOOD | {"temperature": 301.0})).hash  # type: ignore[arg-type]


def test_wilson_is_scipys() -> None:
    data = SwitchingData.of([1e-4] * 4, 1e-8, 50, [0, 3, 25, 50])
    low, high = data.wilson(0.9)
    for i, k in enumerate((0, 3, 25, 50)):
        expected = stats.binomtest(k, 50).proportion_ci(0.9, method="wilson")
        assert (low[i], high[i]) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_repeated_conditions_are_kept_and_said() -> None:
    data = SwitchingData.of([1e-4, 1e-4, 2e-4, 3e-4], 1e-8, 50, [3, 5, 27, 49])
    assert data.points == 4 and any("1 of 4 rows repeat a condition" in note for note in data.notes())
    assert not any("repeat" in note for note in SwitchingData.of([1e-4, 1e-4], [1e-8, 2e-8], 50, [3, 5]).notes())


def test_reference_pulse_is_a_measured_one_near_the_geometric_mean() -> None:
    assert SwitchingData.of([1e-4] * 4, [1e-9, 1e-8, 1e-6, 1e-6], 50, [3, 5, 4, 4]).reference_pulse == 1e-8


def test_coarse_counts_need_a_small_chance() -> None:
    assert coarse_counts(100, [0, 4, 10, 18, 34, 50, 64, 66, 82, 84, 90, 94, 100])[:2] == (50, 100)  # type: ignore[index]
    assert coarse_counts(100, [0, 2, 18, 50, 82, 98, 100]) is None, "five interior points may all be even by chance"
    found = coarse_counts(100, [10, 20, 60, 80, 40])
    assert found is not None and found[:2] == (10, 100)
    # two interior even counts have a chance of about 1/4
    assert coarse_counts(100, [0, 0, 50, 48, 100]) is None
    assert coarse_counts(100, [0, 100, 100]) is None and coarse_counts(100, [0, 2, 17, 50, 82, 98]) is None
    assert coarse_counts([100, 100, 50], [2, 50, 48]) is None, "different trials: no statement"
    even = stats.binom.pmf(np.arange(0, 101, 2), 100, 0.02).sum() * stats.binom.pmf(np.arange(0, 101, 2), 100, 0.5).sum() ** 13
    chance = coarse_counts(100, [2] + [50] * 12 + [50])
    assert chance is not None and chance[:2] == (50, 100) and chance[2] == pytest.approx(even, rel=1e-9)
    draws = np.random.default_rng(3)
    false = sum(coarse_counts(100, draws.binomial(100, [0.05, 0.2, 0.4, 0.6, 0.8, 0.9])) is not None for _ in range(2000))
    assert false <= 3, "a false alarm has a chance below 0.001"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("device,I [uA],pulse (ns),n_reps,switched", "A,{i},10,50,{k}"), ("Device; I_uA; t_p [ns]; n; P_sw", "A; {i}; 10; 50; {p}"), ("device\tcurrent (mA)\tpulse width [us]\ttrials\tP_sw [%]", "A\t{m}\t0.01\t50\t{c}"),
        ("direction,device_id,V,t_p,n,k", "A,,{v},1e-8,50,{k}"), ("device,Voltage [mV],t [ns],shots,p", "A,{mv},10,50,{p}"), ("device,I,pulse,n,p", "A,{i} uA,10 ns,50,{c} %"), ("device,I,duration_ns,repetitions,events", "A,{a},10,50,{k}"),
    ],
)  # fmt: skip
def test_heads_and_units_in_many_spellings_give_the_same_numbers(tmp_path: Path, head: str, row: str) -> None:
    lines = [row.format(i=i, m=i / 1000, a=i * 1e-6, v=round(i * 1e-6 * 800, 6), mv=round(i * 1e-3 * 800, 6), k=k, p=k / 50, c=100 * k / 50) for i, k in ((190, 4), (200, 25), (210, 46))]
    [data] = read_switching_csv(write(tmp_path, "# measured on Monday", head, *lines, ""), track_resistance=800.0)
    assert data.label == "A" and data.source == "data.csv"
    assert data.current == pytest.approx([190e-6, 200e-6, 210e-6], rel=1e-12, abs=0) and data.pulse == pytest.approx([1e-8] * 3, rel=1e-12, abs=0)
    assert data.trials.tolist() == [50] * 3 and data.switched.tolist() == [4, 25, 46] and data.temperature.tolist() == [300.0] * 3


def test_temperatures_in_kelvin_and_celsius(tmp_path: Path) -> None:
    for head, cell, wanted in (("T [K]", "350", 350.0), ("temp (degC)", "85", 358.15), ("temperature", "25 degC", 298.15), ("T_K", "350", 350.0)):
        [data] = read_switching_csv(write(tmp_path, f"I,t_p,n,k,{head}", f"2e-4,1e-8,50,25,{cell}"))
        assert data.temperature.tolist() == pytest.approx([wanted])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["I|t_p|n|k", "1|2|3|4"], ["not separated by comma, semicolon or tab", "line 1"]), (["I t_p n k", "1 2 3 4"], ["not separated"]), (["I,t_p,n,k", "2e-4,1e-8,50"], ["3 cells under 4 heads", "line 2"]),
        (["I;t_p;n;k", "0,0002;1e-8;50;3"], ["decimal comma", "line 2"]), (["I,t_p,n,k", "2e-4,1e-8,50,3", "2e-4,nan,50,3"], ["line 3", "'t_p'", "missing"]), (["I,t_p,n,k", "2e-4,,50,3"], ["empty cell", "missing", "line 2"]),
        (["I,t_p,n,k", "2e-4,1e-8,,3"], ["empty cell", "'n'"]), (["I,t_p,n,k", "inf,1e-8,50,3"], ["not a finite number"]), (["I,t_p,n,k", "2e-4,1e-8,50,3", "200 uA,1e-8,50,3"], ["mixed units", "line 2"]), (["I [uA],t_p,n,k", "200 uA,1e-8,50,3"], ["mixed units", "head and the cell"]),
        (["I [uA],t_p,n,k", "-200,1e-8,50,3", "200,1e-8,50,3"], ["both signs", "direction"]), (["I,t_p [V],n,k", "2e-4,1e-8,50,3"], ["unit", "t_p [V]"]), (["I,T,n,k,t_p", "2e-4,300,50,3,1e-8"], ["may be a temperature or a time"]),
        (["I,current,t_p,n,k", "2e-4,2e-4,1e-8,50,3"], ["two columns give the current"]), (["I,t_p,n,k", "200,1e-8,50,3"], ["no such current", "unit"]), (["I,t_p,n,P_sw", "2e-4,1e-8,50,0.5", "2e-4,1e-8,50,0.13"], ["no whole number", "line 3"]),
        (["I,t_p,n,P_sw", "2e-4,1e-8,3,0.3"], ["no whole number"]), (["I,t_p,n,k,P_sw", "2e-4,1e-8,50,25,0.6"], ["disagree", "line 2"]), (["I,t_p,n,k", "2e-4,1e-8,50,51"], ["0..trials", "line 2"]), (["I,t_p,n,k", "2e-4,-1e-8,50,5"], ["pulse width", "line 2"]),
        (["I,t_p,n,k", "2e-4,1e-8,0,0"], ["never guessed", "line 2"]), (["I,t_p,k", "2e-4,1e-8,3"], ["a column is missing: trials"]), (["I,t_p,n", "2e-4,1e-8,50"], ["a column is missing: switched"]), (["I,n,k", "2e-4,50,3"], ["a column is missing: pulse"]),
        (["amps,t_p,n,k", "2e-4,1e-8,50,3"], ["a column is missing: current"]), (["V,t_p,n,k", "0.2,1e-8,50,3"], ["track resistance is needed"]), (["I,t_p,n,k"], ["holds no rows"]), ([""], ["holds no rows"]), (["I,t_p,n,k", "2e-4,x ns,50,3"], ["not a number", "x ns"]),
    ],
)  # fmt: skip
def test_faults_of_a_file_are_named(tmp_path: Path, lines: list[str], words: list[str]) -> None:
    with pytest.raises((DataError, ParameterError)) as caught:
        read_switching_csv(write(tmp_path, *lines))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "remedy" in str(caught.value)
    assert not isinstance(caught.value, UnitError)


def test_commas_at_the_ends_of_lines_are_no_column(tmp_path: Path) -> None:
    [data] = read_switching_csv(write(tmp_path, "I,t_p,n,k,direction,", "2e-4,1e-8,50,25,up,", "2e-4,1e-8,50,25,up,"))
    assert not data.remarks and data.direction == "up" == data.label
    [data] = read_switching_csv(write(tmp_path, "I,t_p,n,k,", "2e-4,1e-8,50,25,", "2e-4,1e-8,50,25,x"))
    assert any("not used" in remark for remark in data.remarks), "a column without a head, but with cells"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe\x00I,t_p")
    for bad in (path, tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_switching_csv(bad)


def test_groups_keep_their_order_and_rounded_shares_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, "device,direction,I [uA],t_p [ns],n,p_sw", "B,up,200,10,3,0.333", "A,up,200,10,3,0.667", "B,down,-200,10,3,1", "B,up,210,10,3,1.0")
    found = read_switching_csv(path)
    assert [data.label for data in found] == ["B up", "A up", "B down"] and found[0].switched.tolist() == [1, 3]
    assert found[2].current.tolist() == pytest.approx([200e-6]), "one sign in a group: the magnitude"


def test_trials_that_are_told_replace_the_files_and_are_said(tmp_path: Path) -> None:
    path = write(tmp_path, "I [uA],t_p [ns],n,p_sw,operator", *(f"{i},10,100,{p}" + ",x" for i, p in ((190, 0.08), (200, 0.5), (210, 0.96))))
    [data] = read_switching_csv(path, trials=50)
    assert data.trials.tolist() == [50] * 3 and data.switched.tolist() == [4, 25, 48]
    notes = " ".join(data.notes())
    assert "The file says 100 trials; 50 are used" in notes and "Columns not used: operator" in notes


def test_coarse_shares_of_a_whole_file_are_pointed_out_once(tmp_path: Path) -> None:
    rows = [f"{d},{200 + j},10,100,{p}" for d in "AB" for j, p in enumerate((0.12, 0.36, 0.5, 0.64, 0.82, 0.9))]
    data = read_switching_csv(write(tmp_path, "device,I [uA],t_p [ns],n,p_sw", *rows))
    assert [sum("n looks like 50, the data say 100" in note for note in d.notes()) for d in data] == [1, 1]
    assert all("--trials 50" in " ".join(d.notes()) for d in data)


def test_long_pulses_ask_for_their_unit(tmp_path: Path) -> None:
    [data] = read_switching_csv(write(tmp_path, "I,pulse,n,k", "2e-4,10,50,25"))
    assert any("pulses of 10 s" in note for note in data.notes())


def test_every_error_is_of_the_family(tmp_path: Path) -> None:
    draw, read = np.random.default_rng(0), 0
    for _ in range(150):  # damaged files
        text = "device,I [uA],pulse (ns),n,P_sw\nA,190,10,50,0.08\nA,200,10,50,0.52\n"
        cut = list(text)
        for _ in range(draw.integers(1, 6)):
            cut[draw.integers(len(cut))] = draw.choice(list(",;\n[]()0123456789.eE-+ naIV%°µ\"'\t"))
        path = write(tmp_path, "".join(cut))
        with contextlib.suppress(SpinbnnError):  # any other error ends the test
            read_switching_csv(path, track_resistance=800.0)
            read += 1
    assert 0 < read < 150, "some of the damage is harmless, some is not"
