"""The figures: the plotted numbers, the words, the edge cases and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest

from spinbnn.errors import ParameterError
from spinbnn.report import figures
from spinbnn.report.figures.device import _place
from spinbnn.report.style import RASTER_ABOVE

NAN = float("nan")


def test_bands_of_the_drop_probability_are_quantiles_without_the_failed_draws() -> None:
    p = np.array([[0.0, 0.1, 0.2, 0.3, 0.4], [0.5, NAN, 0.7, 0.9, 0.8]])
    figure = figures.drop_probability([0.5, 0.6], p)
    assert figure.data.rows[0][1:6] == pytest.approx([0.02, 0.1, 0.2, 0.3, 0.38])
    assert figure.data.rows[1][3] == pytest.approx(0.75)
    assert figure.data.rows[1][7] is None, "the failed draw stays empty"
    assert "1 of 10 samples failed" in figure.description


def test_single_draws_are_drawn_up_to_forty() -> None:
    volts, few, many = [0.5, 0.6], np.full((2, 40), 0.5), np.full((2, 41), 0.5)
    assert len(figures.drop_probability(volts, few).data.columns) == 6 + 40
    assert len(figures.drop_probability(volts, many).data.columns) == 6


def test_one_curve_has_no_band() -> None:
    svg = figures.drop_probability([0.5, 0.6], [0.1, 0.9]).svg
    assert "5–95 %" not in svg and "drop probability" in svg


def test_a_voltage_where_all_draws_failed_is_a_gap() -> None:
    figure = figures.drop_probability([0.5, 0.6, 0.7], [[0.1, 0.2], [NAN, NAN], [0.8, 0.9]])
    assert figure.data.rows[1][1:] == [None] * 7


@pytest.mark.parametrize("p", [np.zeros((3, 2)), np.zeros(3), np.zeros((2, 0)), np.full((2, 1), np.inf)])
def test_wrong_shapes_and_infinities_are_refused(p: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="argument 'p'"):
        figures.drop_probability([0.5, 0.6], p)


def test_waveforms_scale_their_units_and_keep_si_in_the_data() -> None:
    figure = figures.waveforms([0.0, 5e-9, 1e-8], {"track": ([0.0, 2.5e-4, 0.0], "A")}, [("SET", 0.0, 1e-8)])
    assert "current [µA]" in figure.svg and "time [ns]" in figure.svg and ">SET<" in figure.svg
    assert figure.data.rows[1] == [5e-9, 2.5e-4]
    assert "SET 0 s to 10 ns" in figure.description


def test_waveforms_share_a_panel_by_unit_four_at_most() -> None:
    traces = {f"v{i}": ([0.0, 1.0], "V") for i in range(5)} | {"i": ([0.0, 1.0], "A")}
    assert figures.waveforms([0.0, 1.0], traces).svg.count("voltage [V]") == 2


@pytest.mark.parametrize("panels", [[["v", "i"]], [["w"]], [[]]])
def test_impossible_panels_are_refused(panels: list[list[str]]) -> None:
    with pytest.raises(ParameterError, match="panel"):
        figures.waveforms([0.0, 1.0], {"v": ([0, 1], "V"), "i": ([0, 1], "A")}, panels=panels)


def test_names_of_short_phases_do_not_cover_each_other() -> None:
    near = [("READ 0", 0.0, 0.02), ("READ 1", 0.02, 0.04), ("SET", 0.6, 0.9)]
    assert [row for row, *_ in _place(near, 1.0, 6.4)] == [0, 1, 0]


def test_many_chips_are_drawn_as_pixels() -> None:
    p = np.full((RASTER_ABOVE // 2 + 1, 2), 0.5)
    many, few = figures.chips({"trimmed": p}, 0.5), figures.chips({"trimmed": p[:20]}, 0.5)
    assert "data:image/png;base64" in many.svg and "data:image" not in few.svg
    assert len(many.svg) < 200_000


def test_chips_say_how_far_they_are_off() -> None:
    figure = figures.chips({"trimmed": [[0.5, 0.31], [0.48, NAN]]}, [0.5, 0.3])
    assert "at most 0.02 from the target" in figure.description
    assert figure.data.rows[3][3] is None


def test_chips_refuse_too_many_settings_and_wrong_names() -> None:
    with pytest.raises(ParameterError, match="four settings"):
        figures.chips({str(i): [[0.5]] for i in range(5)}, 0.5)
    with pytest.raises(ParameterError, match="one name for each layer"):
        figures.chips({"a": [[0.5, 0.5]]}, 0.5, layers=["conv1"])


def test_reliability_leaves_empty_bins_out() -> None:
    figure = figures.reliability([NAN, 0.9], [NAN, 0.8], [0, 50], 0.1, "x")
    assert (
        "50 inputs in 1 occupied bins" in figure.description
        and "-0.1, is at confidence 0.9" in figure.description
    )
    assert figures.reliability([NAN], [NAN], [0], NAN, "x").description.startswith(
        "Expected calibration error ?"
    )


def test_uncertainty_counts_every_known_value_once() -> None:
    figure = figures.uncertainty({"a": [0.0, 0.5, 2.0, NAN], "b": [1.0]}, maximum=2.0)
    counts = {g: sum(r[4] for r in figure.data.rows if r[0] == g and r[1] == "count") for g in "ab"}
    assert counts == {"a": 3, "b": 1}


def test_uncertainty_of_constant_values_and_its_refusals() -> None:
    assert figures.uncertainty({"a": [0.0, 0.0]}).data.rows
    with pytest.raises(ParameterError, match="no known value"):
        figures.uncertainty({"a": [NAN]})
    with pytest.raises(ParameterError, match="six groups"):
        figures.uncertainty({str(i): [0.0] for i in range(7)})


def test_rotation_without_mutual_information() -> None:
    figure = figures.rotation([0, 45], [0.9, 0.5], [0.1, 0.8])
    assert len(figure.data.columns) == 3 and "mutual" not in figure.svg


def test_training_of_one_epoch_without_validation() -> None:
    figure = figures.training([{"epoch": 1, "loss": 2.0, "validation_accuracy": None, "seconds": 3.0}])
    assert figure.data.rows == [[1.0, 2.0]]
    with pytest.raises(ParameterError, match="epoch or loss"):
        figures.training([{"epoch": 1}])
    with pytest.raises(ParameterError):
        figures.training([])


def test_energy_names_what_is_unknown_and_never_counts_it_as_zero() -> None:
    figure = figures.energy_bars(
        [
            ("paper", {"memory": 6e-8}),
            ("block", {"memory": 2e-8, "ADC": None}),
            ("own", {"rng": None, "adder": 0.0}),
        ]
    )
    assert (
        "block: at least 20 nJ, unknown: ADC." in figure.description
        and "own: ?, unknown: rng." in figure.description
    )
    assert "? ADC" in figure.svg and "at least 20 nJ" in figure.svg
    assert ["block", "ADC", None] in figure.data.rows


def test_energy_of_many_blocks_is_summed_up_as_other() -> None:
    figure = figures.energy_bars([("a", {f"block {i}": 1e-9 * (i + 1) for i in range(12)})])
    assert ">other<" in figure.svg and ">block 11<" in figure.svg and ">block 0<" not in figure.svg
    assert len(figure.data.rows) == 12


@pytest.mark.parametrize("bad", [-1e-9, float("inf")])
def test_impossible_energies_are_refused(bad: float) -> None:
    with pytest.raises(ParameterError, match="energy"):
        figures.energy_bars([("a", {"b": bad})])


def test_a_note_ends_the_description_and_a_name_renames() -> None:
    figure = figures.rotation([0], [0.9], [0.1], note="Five chips.", name="rotation-2")
    assert figure.description.endswith("Five chips.") and 'id="rotation-2-title"' in figure.svg


def test_long_labels_and_many_unknown_blocks_are_wrapped() -> None:
    unknown = {f"unknown block {i}": None for i in range(12)}
    figure = figures.energy_bars(
        [("a schedule with a long name, " * 4, {"memory": 1e-9, **unknown}), ("b", {"memory": 2e-9})]
    )
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg)
    assert max(map(len, texts)) <= 90 and sum("unknown block" in t for t in texts) >= 2


def test_many_bars_are_said_in_short() -> None:
    rows = [(f"row {i}", {"memory": 1e-9 * (i + 1), "ADC": None if i < 3 else 0.0}) for i in range(6)]
    assert figures.energy_bars(rows).description == (
        "6 bars; the longest is row 5: 6 nJ. In 3 of them blocks are unknown; a question mark names them."
    )
