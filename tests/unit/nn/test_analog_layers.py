"""Layers on sampled arrays: against brute force with the array solver, and what they keep fixed, count and refuse."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from stand_ins import shake
from torch.nn import functional

from spinbnn.crossbar.adc import Clipping
from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.cells import word_lines
from spinbnn.crossbar.solve import solve_array
from spinbnn.crossbar.variation import sample_array
from spinbnn.errors import ParameterError, ProfileError
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.nn import BinaryConv2d, BinaryLinear
from spinbnn.nn.hardware import (
    FidelityWarning,
    HardwareAware,
    LinearResponseLayer,
    SolvedLayer,
    clipping,
    placed_layers,
    reset_clipping,
    set_read_noise,
    to_hardware,
)
from spinbnn.nn.models import lenet5
from spinbnn.rng import integer_seed

REAL = ArrayParams.load("array_100k")
IDEAL = REAL.with_values(
    wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0
)
PROFILE = HardwareProfile.ideal(0.2)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def conv(**options):
    return BinaryConv2d(3, 7, 3, stride=2, padding=1, generator=draw(), **options)


def place(layer, at, array=(16, 4), seed=5, fidelity="table"):
    if fidelity == "exact" and at.rows == "gated":
        return SolvedLayer(layer, at, array, seed=seed, name="x")
    return LinearResponseLayer(layer, at, array, seed=seed, name="x", fidelity=fidelity)


@pytest.mark.parametrize("rows", ["driven", "gated"])
@pytest.mark.parametrize("readout", ["single", "differential"])
@pytest.mark.parametrize("fidelity", ["table", "exact"])
@pytest.mark.parametrize("bits", [1, 8])
def test_arrays_without_wires_and_spread_are_bit_equal_to_software(rows, readout, fidelity, bits):
    at = CrossbarSetup(params=IDEAL, rows=rows, readout=readout)
    for layer in (conv(input_bits=bits, binarize_input=bits == 1), BinaryLinear(37, 5, input_bits=bits, binarize_input=bits == 1, generator=draw())):
        shape = (2, 3, 9, 8) if isinstance(layer, BinaryConv2d) else (3, 37)
        x = torch.randn(shape, generator=draw(1)) if bits == 1 else torch.randint(0, 256, shape, generator=draw(1)).float()
        twin = place(layer, at, fidelity=fidelity)
        assert torch.equal(twin(x), layer(x))
        assert twin.clipping.total > 0 and twin.clipping.fraction == 0


@pytest.mark.parametrize("rows", ["driven", "gated"])
@pytest.mark.parametrize("fidelity", ["table", "exact"])
def test_windows_with_few_driven_rows_stay_inside_a_narrow_range(rows, fidelity):
    """Padding and bit planes: the difference to the reference on the same word lines is balanced at the middle of the range."""
    at = CrossbarSetup(params=IDEAL, rows=rows, adc_bits=6, adc_clip=1e-3)
    assert at.converter(216).lo > 60  # a corner window drives 96 of 216 rows: N/2 = 48 would lie outside
    for channels, bits in ((24, 1), (23, 1), (24, 8), (23, 8)):
        layer = BinaryConv2d(channels, 5, 3, padding=1, input_bits=bits, binarize_input=bits == 1, generator=draw())
        shape = (2, channels, 5, 5)
        x = torch.randn(shape, generator=draw(1)) if bits == 1 else torch.randint(0, 256, shape, generator=draw(1)).float()
        twin = place(layer, at, (256, 4), fidelity=fidelity)
        assert torch.equal(twin(x), layer(x)) and twin.clipping.low + twin.clipping.high == 0
        if bits == 1:
            with HardwareAware(layer, at, (256, 4), chips=1) as aware:
                assert torch.equal(layer(x), twin(x)) and aware.chips == 1


def test_a_sense_amplifier_gives_the_majority_of_the_driven_rows():
    at = CrossbarSetup(params=IDEAL, adc_kind="sense", adc_bits=1)
    for channels in (5, 6):
        layer = BinaryConv2d(channels, 4, 3, padding=1, generator=draw())
        x = torch.randn((3, channels, 5, 5), generator=draw(1))
        sums = layer(x).detach()
        clear = sums != 0  # a tie stands on the threshold itself
        for mode in ("driven", "gated"):
            found = place(layer, replace(at, rows=mode), (256, 4), fidelity="exact")(x)
            assert torch.equal(found[clear], 9 * channels * sums[clear].sign())


def brute(layer, x, at, array, seed):
    """Every window of every array by sparse LU; calibrated by reads of the columns' own weights; converted by the drawn bank."""
    w = layer.binary_weight().detach().flatten(1).t().numpy()
    columns = functional.unfold(x, 3, padding=1, stride=2).transpose(1, 2).reshape(-1, len(w)).numpy().astype(int)
    total, clipped, number = np.zeros((len(columns), w.shape[1])), 0, 0
    for top in range(0, len(w), array[0]):
        for left in range(0, w.shape[1], array[1]):
            signs = w[top : top + array[0], left : left + array[1]]
            sample = sample_array(at.params, (signs > 0).astype(int), seed=seed, layer="x", tile=number)
            inputs = columns[:, top : top + array[0]]
            known = np.concatenate([inputs, signs.T.astype(int), -signs.T.astype(int)])
            current = solve_array(
                sample.device_rows(references=True), word_lines(known) * 1.0, wire_row=sample.row_wires,
                wire_column=sample.column_wires, method="lu",
            ).currents  # fmt: skip
            p, ap = at.conductances
            half = (current[:, :-2] - current[:, -2:].mean(1, keepdims=True)) / (p - ap)
            n, c = len(inputs), signs.shape[1]
            agree, none = np.diag(half[n : n + c]), np.diag(half[n + c :])
            gain, offset = (agree - none) / len(signs), (agree + none) / 2
            driven = np.abs(inputs).sum(1, keepdims=True)
            centre = (len(signs) - (len(signs) - driven) % 2) / 2  # balanced at R/2 whatever is driven, on whole counts
            counts = centre + (half[:n] - offset * driven / len(signs)) / gain
            bank = at.converter(len(signs)).bank(c, seed, "x", number)
            out = bank.convert(counts)
            total[:, left : left + array[1]] += 2 * (out.values - centre)
            clipped += out.clipping.low + out.clipping.high
            number += 1
    return total, clipped


@pytest.mark.parametrize("errors", [{}, {"offset": 0.4, "gain_sigma": 0.02, "offset_sigma": 0.3}, {"mismatch": 0.3, "bow": 0.5}])
@pytest.mark.parametrize("bits", [6, 3])
def test_exact_layer_against_brute_force(errors, bits):
    layer, array = conv(), (16, 4)
    at = CrossbarSetup(params=REAL.with_values(wire__column_resistance=1e8), adc_errors=errors, adc_bits=bits, adc_clip=0.05)
    x = torch.randn((2, 3, 9, 8), generator=draw(1)).sign()
    twin = place(layer, at, array, fidelity="exact")
    want, clipped = brute(layer, x, at, array, 5)
    found = twin(x).permute(0, 2, 3, 1).reshape(-1, 7).numpy()
    far = np.abs(found - want) > 1e-3
    assert far.sum() <= 1  # one conversion may fall on the other side of a threshold
    assert abs(twin.clipping.low + twin.clipping.high - clipped) <= 1
    assert np.abs(found - layer(x).detach().permute(0, 2, 3, 1).reshape(-1, 7).numpy()).max() >= 2  # errors there are


@pytest.mark.parametrize("rows", ["driven", "gated"])
@pytest.mark.parametrize("readout", ["single", "differential"])
@pytest.mark.parametrize("bits", [1, 8])
def test_a_layer_is_the_response_of_its_tiles_window_by_window(rows, readout, bits):
    """Padding included, of images of two sizes: what depends on the place alone is kept for one size, and loads and relief with it."""
    params = REAL.with_values(wire__column_resistance=2e9, wire__row_resistance=2e9)
    at = CrossbarSetup(params=params, rows=rows, readout=readout, adc_clip=0.05, adc_errors={"offset_sigma": 0.3, "gain_sigma": 0.02})
    layer = BinaryConv2d(4, 7, 3, padding=2, input_bits=bits, binarize_input=bits == 1, generator=draw())
    twin = place(layer, at, (16, 4), fidelity="table")
    responses = [tile.response(at, "table") for tile in twin.tiles]
    assert rows == "driven" or max(np.abs(r.relief).max() for r in responses) > 0.1  # there is something to get wrong
    for size in ((5, 4), (7, 5)):
        x = torch.randn((2, 4, *size), generator=draw(1)).sign() if bits == 1 else torch.randint(0, 256, (2, 4, *size), generator=draw(1)).float()
        seen = functional.unfold(x, 3, padding=2).transpose(1, 2).reshape(-1, 36).numpy().astype(int)
        want = 0.0
        for plane in range(bits):
            lines = seen if bits == 1 else (seen >> plane) & 1
            for tile, response in zip(twin.tiles, responses, strict=True):
                part = lines[:, tile.rows]
                centre = at.centre(np.abs(part).sum(1, keepdims=True), part.shape[1])
                want = want + 2**plane * 2 * (tile.bank.convert(response.half_sums(part) + centre).values - centre)
        found = twin(x).permute(0, 2, 3, 1).reshape(-1, 7).numpy()
        off = (np.abs(found - want) > 1e-2).mean()
        assert off < (0.005 if bits == 1 else 0.02)  # one conversion in 2,000 may fall on the other side of a threshold: kernels lie on a grid


@pytest.mark.parametrize("readout", ["single", "differential"])
def test_training_follows_the_driven_fraction_of_gated_rows(readout):
    """Padded windows relieve and load the columns less; on wires of this resistance that is counts."""
    params = REAL.with_values(wire__column_resistance=2e9, wire__row_resistance=2e9)
    at = CrossbarSetup(params=params, rows="gated", readout=readout)
    layer = BinaryConv2d(4, 7, 3, padding=2, generator=draw())
    x = torch.randn((4, 4, 6, 5), generator=draw(1))
    with HardwareAware(layer, at, (32, 4), chips=1, seed=4) as aware:
        aware.step(0)
        out = layer(x).detach()
    table = LinearResponseLayer(layer, at, (32, 4), seed=integer_seed(4, "array-pool", 0), name="", fidelity="table")
    assert float(((table(x) - out).abs() > 1e-3).float().mean()) < 0.005


@pytest.mark.parametrize("rows", ["driven", "gated"])
@pytest.mark.parametrize("readout", ["single", "differential"])
def test_table_is_near_exact(rows, readout):
    layer = BinaryConv2d(6, 8, 5, padding=2, generator=draw())
    at = CrossbarSetup(params=REAL, rows=rows, readout=readout)
    x = torch.randn((2, 6, 8, 8), generator=draw(1))
    table, exact = (place(layer, at, (128, 16), fidelity=f)(x) for f in ("table", "exact"))
    ideal = layer(x).detach()
    assert float((table - exact).square().mean().sqrt()) < 0.5 * float((exact - ideal).square().mean().sqrt())
    assert float((table - exact).mean().abs()) < 0.1


@pytest.mark.parametrize("fidelity", ["table", "exact"])
@pytest.mark.parametrize("rows", ["driven", "gated"])
def test_an_image_gives_the_same_in_any_batch(fidelity, rows):
    layer = BinaryConv2d(4, 40, 3, padding=1, generator=draw())
    twin = place(layer, CrossbarSetup(params=REAL, rows=rows), (32, 32), fidelity=fidelity)
    x = torch.randn((7, 4, 9, 9), generator=draw(1))
    together = twin(x)
    assert torch.equal(together, torch.cat([twin(one[None]) for one in x]))
    assert torch.equal(together.flip(0), twin(x.flip(0)))
    assert torch.equal(together[:, :, :5, :5], twin(x[:, :, :6, :6])[:, :, :5, :5])  # another size, other maps


def test_devices_are_those_of_the_chip_the_layer_and_the_array():
    layer, at = BinaryLinear(40, 6, generator=draw()), CrossbarSetup(params=REAL, calibration="none", references="ideal")
    x = torch.randn((20, 40), generator=draw(1))
    first = place(layer, at)(x)
    assert torch.equal(first, place(layer, at)(x))
    assert not torch.equal(first, place(layer, at, seed=6)(x))
    other = LinearResponseLayer(layer, at, (16, 4), seed=5, name="y", fidelity="table")
    assert not torch.equal(first, other(x))


def test_clipping_is_counted_and_limits_the_sums():
    at = CrossbarSetup(params=IDEAL, adc_bits=3, adc_clip=0.5)  # 8 codes in the middle of 0..32
    layer = BinaryLinear(32, 4, binarize_input=False, generator=draw())
    adc = at.converter(32)
    twin = place(layer, at, (32, 4))
    x = layer.binary_weight()[:1].detach()  # all rows of column 0 agree: n = 32
    n = (layer(x).detach() + 32) / 2
    low, high = int((n < adc.lo).sum()), int((n > adc.hi).sum())
    assert high and twin(x)[0, 0] == 2 * adc.hi - 32 and twin.clipping == Clipping(low=low, high=high, total=4)
    assert torch.equal(twin(-x), 2 * (32 - n).clamp(adc.lo, adc.hi) - 32)
    assert twin.clipping.total == 8 and twin.clipping.low == low + int((32 - n < adc.lo).sum()) > low
    twin.reset_clipping()
    assert twin.clipping == Clipping()
    solved = SolvedLayer(layer, replace(at, rows="gated"), (32, 4), seed=5, name="x")
    assert torch.equal(solved(x), place(layer, at, (32, 4))(x)) and solved.clipping == Clipping(low=low, high=high, total=4)


def test_a_sense_amplifier_clips_nothing_and_gives_the_majority():
    at = CrossbarSetup(params=IDEAL, adc_kind="sense", adc_bits=1)
    layer = BinaryLinear(31, 4, generator=draw())
    twin, x = place(layer, at, (31, 4)), torch.randn((50, 31), generator=draw(1))
    assert torch.equal(twin(x), 31 * layer(x).sign()) and twin.clipping.low + twin.clipping.high == 0


def test_read_noise_is_fresh_explicit_and_of_the_given_size():
    at = CrossbarSetup(params=IDEAL, adc_bits=8, adc_clip=None, adc_errors={"noise": 3.0})
    layer = BinaryLinear(128, 50, generator=draw())
    x = torch.randn((200, 128), generator=draw(1))
    for twin in (place(layer, at, (128, 64)), SolvedLayer(layer, replace(at, rows="gated"), (128, 64), seed=0, name="x")):
        with pytest.raises(ParameterError, match="noise"):
            twin(x)
        set_read_noise(twin, draw(2))
        one, two = twin(x), twin(x)
        assert not torch.equal(one, two)
        error = (one - layer(x)).detach() / 2
        assert abs(float(error.std()) / (9 + 1 / 12) ** 0.5 - 1) < 0.03 and abs(float(error.mean())) < 0.1
        set_read_noise(twin, draw(2))
        assert torch.equal(one, twin(x))


@pytest.mark.parametrize("rows", ["driven", "gated"])
def test_inputs_that_word_lines_cannot_carry_are_refused(rows):
    at = CrossbarSetup(params=IDEAL, rows=rows)
    twin = place(BinaryLinear(2, 2, binarize_input=False), at, fidelity="exact")
    with pytest.raises(ParameterError, match="word lines"):
        twin(torch.tensor([[0.5, 1.0]]))
    with pytest.raises(ParameterError, match="word lines"):
        twin(torch.tensor([[float("nan"), 1.0]]))


def test_lenet5_at_three_fidelities_without_errors():
    model = shake(lenet5(seed=1)).eval()
    x = torch.rand((6, 1, 28, 28), generator=draw())
    for rows in ("driven", "gated"):
        profile = PROFILE.with_arrays(CrossbarSetup(params=IDEAL, rows=rows), (64, 32))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FidelityWarning)
            twins = [to_hardware(model, profile, profile.chip(3), f) for f in ("ideal", "table", "exact")]
        for twin in twins:
            assert torch.equal(twin(x), model(x).detach())
        assert set(clipping(twins[1])) == {"conv1", "conv2", "fc1", "fc2", "fc3"}
        assert sum(layer.arrays for layer in placed_layers(twins[1]).values()) == 1 + 3 + 4 * 4 + 2 * 3 + 2
        reset_clipping(twins[1])
        assert clipping(twins[1])["fc1"] == Clipping()


def test_table_says_where_nobody_measured_and_where_it_is_bad():
    layer = torch.nn.Sequential(BinaryLinear(64, 8, generator=draw()))
    profile = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=ArrayParams.load("array_mohm")))
    chip = type("C", (), {"drop_probability": [], "seed": 1, "id": "c"})()
    with pytest.warns(FidelityWarning, match="64 x 8"):
        to_hardware(layer, profile, chip, "table")
    measured = profile.measure_agreement(64, 8, chips=2, inputs=32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_hardware(layer, measured, chip, "table")
        to_hardware(layer, profile, chip, "exact")
    bad = replace(measured.agreements[0], mean_error=0.77)
    with pytest.warns(FidelityWarning, match="up to 0.77 steps"):
        to_hardware(layer, replace(measured, agreements=(bad,)), chip, "table")
    other = measured.with_arrays(replace(measured.arrays, adc_bits=5))
    with pytest.warns(FidelityWarning, match="no agreement"):
        to_hardware(layer, other, chip, "table")


def test_a_profile_without_arrays_is_named():
    with pytest.raises(ProfileError, match="the profile has none"):
        to_hardware(lenet5(), PROFILE, PROFILE.chip(0), "exact")
    with pytest.raises(ProfileError, match="no arrays"):
        PROFILE.measure_agreement(8, 8)


@pytest.mark.parametrize("rows", ["driven", "gated"])
@pytest.mark.parametrize("errors", [{}, {"mismatch": 0.2}, {"offset_sigma": 0.5}])
@pytest.mark.parametrize("kind", ["column", "array", "none"])
def test_aware_forward_is_the_table_and_backward_the_ideal_layer(rows, errors, kind):
    at = CrossbarSetup(params=REAL, rows=rows, adc_errors=errors, calibration=kind, adc_bits=6)
    layer = conv()
    x = torch.randn((2, 3, 9, 8), generator=draw(1), requires_grad=True)
    plain = layer(x)
    weigh = torch.randn(plain.shape, generator=draw(2))
    (plain * weigh).sum().backward()
    wanted = (x.grad.clone(), layer.weight.grad.clone())
    x.grad = layer.weight.grad = None
    with HardwareAware(layer, at, (16, 4), chips=3, seed=4) as aware:
        seen = []
        for step in range(6):
            aware.step(step)
            seen.append(aware.current)
            out = layer(x)
        (out * weigh).sum().backward()
        assert torch.equal(layer.eval()(x), plain)
        layer.train()
    assert len(set(seen)) > 1
    torch.testing.assert_close((x.grad, layer.weight.grad), wanted, rtol=0, atol=0)
    assert torch.equal(layer(x), plain)  # the hooks are gone
    from spinbnn.rng import integer_seed

    table = LinearResponseLayer(layer, at, (16, 4), seed=integer_seed(4, "array-pool", seen[-1]), name="", fidelity="table")
    difference = (table(x) - out.detach()).abs()
    assert float((difference > 1e-3).float().mean()) < 0.01 and float((out - plain).detach().abs().max()) >= 1


def test_aware_follows_the_weights():
    layer = BinaryLinear(40, 6, generator=draw())
    x = torch.randn((30, 40), generator=draw(1))
    with HardwareAware(layer, CrossbarSetup(params=IDEAL), (16, 4), chips=1) as aware:
        aware.step(0)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=draw(9)))
        out = layer(x)
    assert torch.equal(out, layer(x))


def test_aware_refuses_what_it_cannot_do():
    at = CrossbarSetup(params=IDEAL)
    with pytest.raises(ParameterError, match="bit-serial"):
        HardwareAware(BinaryLinear(4, 2, input_bits=8, binarize_input=False), at)
    for model, chips in ((torch.nn.Linear(2, 2), 1), (BinaryLinear(4, 2), 0)):
        with pytest.raises(ParameterError, match="needs chips"):
            HardwareAware(model, at, chips=chips)


@pytest.mark.parametrize("errors", [{}, {"mismatch": 0.2}])
def test_training_counts_what_it_clips(errors):
    at = CrossbarSetup(params=IDEAL, adc_bits=3, adc_clip=0.5, adc_errors=errors)
    layer = conv()
    x = torch.randn((2, 3, 9, 8), generator=draw(1))
    with HardwareAware(layer, at, (16, 4), chips=1, seed=4) as aware:
        assert aware.clipping == {"": Clipping()}
        aware.step(0)
        layer(x)
    from spinbnn.rng import integer_seed

    table = LinearResponseLayer(layer, at, (16, 4), seed=integer_seed(4, "array-pool", 0), name="", fidelity="table")
    table(x)
    assert aware.clipping[""].total == table.clipping.total and aware.clipping[""].fraction > 0.01
    for side in ("low", "high"):
        assert abs(getattr(aware.clipping[""], side) - getattr(table.clipping, side)) <= 1


def test_a_chip_at_another_temperature_is_refused():
    model = torch.nn.Sequential(BinaryLinear(8, 2, generator=draw()))
    profile = PROFILE.with_arrays(CrossbarSetup(params=IDEAL))
    chip = type("C", (), {"drop_probability": [], "seed": 1, "id": "c", "temperature": 350.0})()
    for fidelity in ("table", "exact"):
        with pytest.raises(ProfileError, match="temperature law"):
            to_hardware(model, profile, chip, fidelity)
    to_hardware(model, profile, chip, "ideal")


def test_the_package_exports_the_layers_and_what_watches_them():
    import importlib.util

    import spinbnn.nn as room
    from spinbnn.nn import hardware

    for name in ("HardwareAware", "FidelityWarning", "clipping", "reset_clipping", "set_read_noise", "placed_layers", "to_hardware"):
        assert name in room.__all__ and getattr(room, name) is getattr(hardware, name)
    assert importlib.util.find_spec("spinbnn.nn.hardware_layers") is None
