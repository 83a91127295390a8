"""The published costs of Scale-Dropout (doi 10.48550/arXiv.2311.15816), recomputed to every printed digit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinbnn.crossbar.plans import plan
from spinbnn.hardware.chip import Chip
from spinbnn.hardware.components import published
from spinbnn.hardware.cost import estimate_cost
from spinbnn.hardware.counts import count_operations
from spinbnn.hardware.references import published_table
from spinbnn.units import in_unit

LENET = plan("lenet5")


def nanojoules(accounting, digits=3, **changes):
    report = estimate_cost(count_operations(LENET, **{"samples": 10} | changes), published(), accounting)
    return f"{in_unit(report.energy, 'nJ'):.{digits}f}"


def test_table_viii_comes_out_if_every_read_is_charged_every_block():
    """643 reads x 27.76 pJ x 10 passes = 178.497 nJ, printed as 0.18 uJ."""
    assert nanojoules("paper") == "178.497"
    energy = estimate_cost(count_operations(LENET), published(), "paper").energy
    assert round(energy * 1e6, 2) == pytest.approx(
        in_unit(published_table("VIII").value("scale-dropout", "energy"), "uJ"), rel=1e-9, abs=0)


def test_block_accounting_of_the_same_table():
    assert nanojoules("block") == "35.996"


def test_device_rows_cost_more_reads():
    assert nanojoules("paper", 1, rows="devices") == "196.5"


@pytest.mark.parametrize(("first", "reads"), [("binary", 643), ("bit_serial", 4675), ("digital", 67)])
def test_only_a_binary_image_gives_643_reads(first, reads):
    assert count_operations(LENET, first=first).reads_per_pass == reads


@pytest.mark.parametrize(("accounting", "known"), [("paper", "178.497"), ("block", "35.996")])
def test_only_the_published_placement_costs_what_is_published(accounting, known):
    """Two threshold sets (dual_bn) have no figure in Table II: the same sum is a lower bound."""
    dual = plan("lenet5", placement="dual_bn")
    for network, complete in ((LENET, True), (dual, False)):
        report = estimate_cost(count_operations(network), published(), accounting)
        assert (report.complete, f"{in_unit(report.energy, 'nJ'):.3f}") == (complete, known)


def test_exact_mixture_needs_fewer_reads_than_two_passes():
    """732 reads x (27.76 - 3.80) pJ, the branch buffer and the weighted softmaxes unknown."""
    report = estimate_cost(count_operations(LENET, schedule="exact"), published(), "paper")
    assert report.counts.array_reads == 732 < 2 * 643
    assert f"{in_unit(report.energy, 'nJ'):.5f}" == "17.53872"
    assert report.headline().startswith("at least")


def test_bit_serial_costs_follow_the_reads():
    assert nanojoules("paper", 2, first="bit_serial") == f"{10 * 4675 * 27.76e-3:.2f}"


def test_table_vii_is_counting():
    """Every row is modules x (34.65 um^2, 0.0225 mW) with K = 3, C_in = 256, C_out = 512."""
    table = published_table("VII")
    modules = {
        "spindrop/layer": 9 * 256,
        "spatial-spindrop/layer": 256,
        "spindrop/pooled": 512,
        "spindrop/unpooled": 9 * 512,
    }
    for row, number in modules.items():
        assert table.value(row, "modules") == number
        assert table.value(row, "area") == pytest.approx(
            number * table.value("scale-dropout/layer", "area"), rel=1e-12, abs=0)
        assert table.value(row, "power") == pytest.approx(
            number * table.value("scale-dropout/layer", "power"), rel=1e-12, abs=0)


def test_table_vii_power_does_not_give_table_ii_energy():
    module = published_table("VII")
    energy = module.value("scale-dropout/layer", "power") * module.value("scale-dropout/layer", "latency")
    assert energy == pytest.approx(0.3375e-12, rel=1e-12, abs=0)
    assert published_table("II").value("rng", "energy") / energy == pytest.approx(
        11.26, abs=0.005
    )  # last digit


def test_crossbar_energy_reads_as_one_nanosecond_of_sensing():
    """65,536 cells x (0.1 V)^2 / 1 MOhm x 1 ns = 0.655 pJ; printed to two digits: 0.65 (truncated)."""
    settling = 65536 * 0.1**2 / 1e6 * 1e-9
    assert np.floor(settling * 1e14) / 1e14 == pytest.approx(
        published_table("II").value("crossbar", "energy"), rel=1e-12, abs=0)


@pytest.mark.parametrize(("eps", "printed"), [(0.0067, ".0025"), (0.05, ".0191")])
def test_a_shared_module_leaves_the_layers_correlated(eps, printed):
    """Total variation of five shared bits at p = 1/2 against independent bits of the same marginals."""
    masks = np.array(list(itertools.product((0, 1), repeat=5)))
    a = np.full(5, 0.5)
    shared = Chip(seed=0, id="shared", modules="shared", a=a, b=eps + (1 - eps) * a)
    q = shared.drop_probability
    assert q == pytest.approx(np.full(5, 0.5 / (1 - eps * 0.5)), rel=1e-12, abs=0)
    alone = Chip(seed=0, id="alone", modules="per_layer", a=q, b=q)
    distance = 0.5 * np.abs(shared.mask_weights(masks) - alone.mask_weights(masks)).sum()
    assert f"{distance:.4f}"[1:] == printed
