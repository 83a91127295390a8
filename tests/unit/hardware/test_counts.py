"""Operation counts against hand counts and brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from spinbnn.crossbar.plan import LayerSpec, NetworkPlan
from spinbnn.crossbar.plans import plan
from spinbnn.errors import ParameterError
from spinbnn.hardware.counts import OPERATIONS, count_operations

LENET = plan("lenet5")


def test_sampled_passes_multiply_one_pass():
    counts = count_operations(LENET, samples=7)
    for one, all_ in zip(counts.per_pass, counts.layers, strict=True):
        assert all_.evaluations == 7
        for name in OPERATIONS:
            assert getattr(all_, name) == 7 * getattr(one, name)
    assert counts.averaging == counts.masks == counts.samples == 7
    assert counts.buffer_capacity == 0


def test_one_pass_of_lenet5_by_hand():
    counts = count_operations(LENET, samples=1)
    assert counts.total("column_conversions") == 4694
    assert counts.total("partial_sum_additions") == 0
    assert (
        counts.total("comparisons") == 3456 + 1024 + 120 + 84
    )  # pooling and thresholds; none for the logits
    assert counts.total("scale_multiplexings") == 864 + 256 + 120 + 84 + 10
    assert counts.total("dropout_draws") == 5
    assert counts.total("macs") == counts.total("buffered_bits") == 0
    assert counts.total("threshold_selections") == counts.softmaxes == 0


def test_two_threshold_sets_are_selected_once_an_output_and_branch():
    dual = plan("lenet5", placement="dual_bn")
    assert count_operations(dual, samples=1).total("threshold_selections") == 864 + 256 + 120 + 84 + 10
    exact = count_operations(dual, schedule="exact")
    assert [layer.threshold_selections for layer in exact.layers] == [1728, 1024, 960, 1344, 320]
    assert exact.array_reads == 732 and "placement dual_bn" in exact.summary()
    without = plan("lenet5", placement="dual_bn", logit_dropout=False)
    assert count_operations(without, samples=1).layers[-1].threshold_selections == 0


def test_device_rows_add_partial_sums():
    counts = count_operations(LENET, rows="devices", samples=1)
    assert counts.array_reads == 708
    assert counts.total("partial_sum_additions") == 16 * 64 + 120
    assert counts.total("column_conversions") == 4694 + 16 * 64 + 120


def test_bit_serial_first_layer():
    counts = count_operations(LENET, first="bit_serial", samples=1)
    assert counts.array_reads == 8 * 576 + 67
    assert counts.layers[0].partial_sum_additions == 7 * 3456


def test_digital_ends_are_counted_as_macs():
    counts = count_operations(LENET, first="digital", last="digital", samples=2)
    assert counts.array_reads == 2 * 66
    assert counts.total("macs") == 2 * (25 * 6 * 576 + 840)
    assert counts.layers[0].dropout_draws == 2
    assert (counts.plan.first, counts.plan.last) == ("digital", "digital")


def test_exact_schedule():
    counts = count_operations(LENET, schedule="exact")
    assert [layer.array_reads for layer in counts.layers] == [576, 128, 4, 8, 16]
    assert (counts.array_reads, counts.masks, counts.averaging, counts.softmaxes) == (732, 32, 32, 32)
    assert (counts.dropout_draws, counts.dropout_modules, counts.samples) == (0, 0, 0)
    assert counts.buffer_capacity == 864 + 256 + 120 + 84
    assert [layer.buffered_bits for layer in counts.layers] == [864, 512, 480, 672, 0]
    # pooling once a prefix, thresholds once a branch: conv1 (3456 - 864) + 2 x 864, conv2 2 x 768 + 4 x 256
    assert [layer.comparisons for layer in counts.layers] == [4320, 2560, 960, 1344, 0]
    fewer = count_operations(plan("lenet5", logit_dropout=False), schedule="exact")
    assert (fewer.array_reads, fewer.masks, fewer.layers[-1].scale_multiplexings) == (732, 16, 0)
    assert all(isinstance(getattr(layer, name), int) for layer in counts.layers for name in OPERATIONS)


def small_plan(dropout):
    layers = tuple(
        LayerSpec(kind="linear", name=f"fc{i}", in_channels=4, out_channels=4, scale_dropout=d)
        for i, d in enumerate(dropout)
    )
    return NetworkPlan(name="small", layers=layers, classes=4, input_shape=(4, 1, 1))


@pytest.mark.parametrize("dropout", [(True, True), (True, False, True), (False, True, True)])
def test_prefix_schedule_against_brute_force(dropout):
    """Enumerate every sequence of T passes and count the distinct prefixes of each."""
    drop, samples = (0.3, 0.6), 3
    counts = count_operations(small_plan(dropout), schedule="prefix", samples=samples, drop_probability=drop)
    masks = list(product((0, 1), repeat=2))
    chance = [np.prod([p if bit else 1 - p for bit, p in zip(mask, drop, strict=True)]) for mask in masks]
    before = np.cumsum([0, *dropout])
    expected = np.zeros(len(dropout) + 1)
    for passes in product(range(4), repeat=samples):
        weight = np.prod([chance[i] for i in passes])
        expected += weight * np.array([len({masks[i][:k] for i in passes}) for k in before])
    assert [layer.array_reads for layer in counts.layers] == pytest.approx(expected[:-1], rel=1e-12, abs=0)
    assert counts.masks == counts.softmaxes == pytest.approx(expected[-1], rel=1e-12, abs=0)
    assert counts.dropout_draws == 2 * samples


def test_prefix_schedule_lies_between_one_pass_and_both_bounds():
    many = count_operations(LENET, schedule="prefix", samples=10**6, drop_probability=0.2)
    assert many.array_reads == pytest.approx(732, rel=1e-9, abs=0)
    one = count_operations(LENET, schedule="prefix", samples=1, drop_probability=0.2)
    assert one.array_reads == pytest.approx(643, rel=1e-12, abs=0)
    never = count_operations(LENET, schedule="prefix", samples=10, drop_probability=0.0)
    assert (never.array_reads, never.masks) == (643, 1)


def test_modules_follow_the_architecture():
    assert count_operations(LENET).dropout_modules == 1
    assert count_operations(LENET, modules="per_layer").dropout_modules == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": 3},
        {"schedule": "tree"},
        {"samples": 0},
        {"samples": 2.0},
        {"modules": "ten"},
        {"rows": "bits"},
        {"first": "analogue"},
        {"schedule": "prefix"},
        {"schedule": "prefix", "drop_probability": [0.2, 0.2]},
        {"schedule": "prefix", "drop_probability": 1.2},
    ],
)
def test_wrong_requests_are_refused(changes):
    with pytest.raises(ParameterError) as error:
        count_operations(LENET, **changes)
    assert error.value.where and error.value.remedy


def test_too_many_layers_for_prefixes():
    with pytest.raises(ParameterError, match="too many"):
        count_operations(small_plan((True,) * 21), schedule="prefix", drop_probability=0.5)


def test_table_and_totals():
    counts = count_operations(LENET)
    assert "6430" in str(counts.table())
    with pytest.raises(ParameterError, match="unknown operation"):
        counts.total("reads")
    assert "shared prefixes" in count_operations(LENET, schedule="prefix", drop_probability=0.2).summary()
