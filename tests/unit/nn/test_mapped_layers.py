"""What is mapped is what is simulated: both strategies and both kinds of rows, against software, brute force and the counts."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from stand_ins import shake

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.crossbar.cells import word_lines
from spinbnn.crossbar.mapping import map_plan
from spinbnn.crossbar.plan import LayerSpec, NetworkPlan, output_size
from spinbnn.crossbar.solve import solve_array
from spinbnn.crossbar.variation import sample_array
from spinbnn.errors import ParameterError
from spinbnn.hardware import HardwareProfile
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.hardware.arrays.gated import gated_half_sums
from spinbnn.nn import BinaryConv2d, BinaryLinear, describe
from spinbnn.nn.hardware import (
    HardwareAware,
    HardwareConv2d,
    HardwareLinear,
    LinearResponseLayer,
    SolvedLayer,
    clipping,
    placed_layers,
    to_hardware,
)
from spinbnn.nn.models import build, lenet5
from spinbnn.rng import integer_seed

REAL = ArrayParams.load("array_100k")
IDEAL = REAL.with_values(
    wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0
)
NETWORKS = ["lenet5", "vgg_small", "resnet20", "resnet18"]
MAPPINGS = [(1, "cells"), (1, "devices"), (2, "cells"), (2, "devices")]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def conv(kernel=3, stride=2, padding=1, bits=1, channels=(5, 7)):
    return BinaryConv2d(*channels, kernel, stride, padding, input_bits=bits, binarize_input=bits == 1, generator=draw())


def image(shape=(2, 5, 9, 8), bits=1):
    return torch.randn(shape, generator=draw(1)) if bits == 1 else torch.randint(0, 256, shape, generator=draw(1)).float()


def place(layer, at, array=(4, 3), seed=5, fidelity="exact", strategy=2):
    if fidelity == "exact" and at.rows == "gated":
        return SolvedLayer(layer, at, array, seed=seed, name="x", strategy=strategy)
    return LinearResponseLayer(layer, at, array, seed=seed, name="x", fidelity=fidelity, strategy=strategy)


def arrays_of(model):
    """Return the arrays of each layer of an ideal hardware model."""
    return {name.removesuffix(".cells"): m.arrays for name, m in model.named_modules() if name.endswith("cells")}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_arrays_of_a_mapping_are_those_of_the_hardware_model(name):
    array = (200, 48)
    model = build(name)
    network = describe(model)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, BinaryConv2d | BinaryLinear)}
    for strategy, rows in MAPPINGS:
        mapping = map_plan(network, array, rows=rows, strategy=strategy)
        profile = HardwareProfile.ideal(0.2).with_mapping(array, rows=rows, strategy=strategy)
        wanted = {m.layer.name: m for m in mapping.layers if not m.layer.digital}
        assert wanted.keys() == layers.keys()
        found = {
            key: HardwareConv2d(layer, profile.cells, strategy=strategy) if isinstance(layer, BinaryConv2d) else HardwareLinear(layer, profile.cells)
            for key, layer in layers.items()
        }
        assert {key: one.cells.arrays for key, one in found.items()} == {key: m.arrays for key, m in wanted.items()}
        assert sum(one.cells.arrays for one in found.values()) == mapping.arrays


@pytest.mark.parametrize(("strategy", "rows"), MAPPINGS)
def test_lenet5_is_simulated_as_it_is_counted(strategy, rows):
    """Arrays, conversions and bits, the counts of the cost are the conversions that take place."""
    model = shake(lenet5(seed=1)).eval()
    x = torch.rand((2, 1, 28, 28), generator=draw())
    mapping = map_plan(describe(model), (64, 32), rows=rows, strategy=strategy)
    profile = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=IDEAL)).with_mapping((64, 32), rows=rows, strategy=strategy)
    wanted = {m.layer.name: m.arrays for m in mapping.layers}
    for fidelity in ("ideal", "table" if strategy == 1 else "exact"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            twin = to_hardware(model, profile, profile.chip(3), fidelity)
        assert torch.equal(twin(x), model(x).detach())
        if fidelity == "ideal":
            assert arrays_of(twin) == wanted
        else:
            assert {name: layer.arrays for name, layer in placed_layers(twin).items()} == wanted
            assert {n: c.total for n, c in clipping(twin).items()} == {m.layer.name: 2 * m.conversions for m in mapping.layers}
    assert sum(wanted.values()) == mapping.arrays


SHAPES = [
    {},
    {"stride": 1},
    {"padding": 0},
    {"kernel": (5, 3), "padding": 2, "stride": 3},
    {"kernel": 1, "padding": 1, "stride": 1},
    {"kernel": (2, 2), "padding": 3, "stride": 2},  # windows that lie on the padding alone
]


@pytest.mark.parametrize(("shape", "bits"), [*((shape, 1) for shape in SHAPES), (SHAPES[0], 8), (SHAPES[-1], 8)])
def test_a_matrix_for_each_kernel_position_is_bit_equal_to_software(shape, bits):
    layer, x = conv(bits=bits, **shape), image(bits=bits)
    want = layer(x).detach()
    assert torch.equal(HardwareConv2d(layer, (4, 5), strategy=2)(x), want)
    spec = LayerSpec(
        kind="conv", name="c", in_channels=5, out_channels=7, kernel=tuple(layer.kernel_size), input_size=(9, 8), input_bits=bits,
        output_size=output_size((9, 8), tuple(layer.kernel_size), layer.stride[0], layer.padding[0]),
        stride=layer.stride[0], padding=layer.padding[0],
    )  # fmt: skip
    out = spec.output_size
    head = LayerSpec(kind="linear", name="fc", in_channels=7 * out[0] * out[1], out_channels=2)
    first = "binary" if bits == 1 else "bit_serial"
    network = NetworkPlan(name="n", layers=(spec, head), classes=2, input_shape=(5, 9, 8), first=first)
    counted = map_plan(network, (4, 5), strategy=2).layers[0]
    for mode in ("driven", "gated"):
        for fidelity in ("table", "exact"):
            twin = place(layer, CrossbarSetup(params=IDEAL, rows=mode), (4, 5), fidelity=fidelity)
            assert torch.equal(twin(x), want)
            assert twin.arrays == counted.arrays and twin.clipping.total == 2 * counted.conversions


def test_an_image_smaller_than_the_reach_of_a_position():
    layer = conv(kernel=3, stride=1, padding=1)
    x = image((2, 5, 1, 1))  # only the middle of the kernel meets a pixel
    for mode in ("driven", "gated"):
        for fidelity in ("table", "exact"):
            twin = place(layer, CrossbarSetup(params=IDEAL, rows=mode), fidelity=fidelity)
            assert torch.equal(twin(x), layer(x)) and twin.clipping.total == 2 * 2 * 7
    assert torch.equal(HardwareConv2d(layer, (4, 3), strategy=2)(x), layer(x))
    with HardwareAware(layer, CrossbarSetup(params=IDEAL), (4, 3), chips=1, strategy=2) as aware:
        aware.step(0)
        assert torch.equal(layer(x), twin(x))


def brute(layer, x, at, array, seed):
    """Position by position and window by window: sum over the tiles of what each converts, padding not read."""
    w = layer.binary_weight().detach().numpy()
    k, s, p = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    batch, channels, high, wide = x.shape
    out = output_size((high, wide), (k, k), s, p)
    total, number = np.zeros((batch, w.shape[0], *out)), 0
    for ky, kx in np.ndindex(k, k):
        places = [(b, i, j) for b, i, j in np.ndindex(batch, *out) if 0 <= i * s + ky - p < high and 0 <= j * s + kx - p < wide]
        pixels = np.array([x[b, :, i * s + ky - p, j * s + kx - p].numpy() for b, i, j in places]).astype(int)
        for top in range(0, channels, array[0]):
            for left in range(0, len(w), array[1]):
                signs = w[left : left + array[1], top : top + array[0], ky, kx].T
                sample = sample_array(at.params, (signs > 0).astype(int), seed=seed, layer="x", tile=number)
                inputs = pixels[:, top : top + array[0]]
                p_on, ap_on = at.conductances
                if at.rows == "driven":
                    known = np.concatenate([inputs, signs.T.astype(int), -signs.T.astype(int)])
                    current = solve_array(
                        sample.device_rows(references=True), word_lines(known) * 1.0, wire_row=sample.row_wires,
                        wire_column=sample.column_wires, method="lu",
                    ).currents  # fmt: skip
                    half = (current[:, :-2] - current[:, -2:].mean(1, keepdims=True)) / (p_on - ap_on)
                    n, c = len(inputs), signs.shape[1]
                    agree, none = np.diag(half[n : n + c]), np.diag(half[n + c :])
                    counts = len(signs) / 2 + (half[:n] - (agree + none) / 2) / ((agree - none) / len(signs))
                else:
                    counts = len(signs) / 2 + gated_half_sums(sample, at, inputs)
                values = at.converter(len(signs)).bank(signs.shape[1], seed, "x", number).convert(counts).values
                for (b, i, j), value in zip(places, values, strict=True):
                    total[b, left : left + array[1], i, j] += 2 * value - len(signs)
                number += 1
    return total


@pytest.mark.parametrize("errors", [{}, {"offset": 0.4, "gain_sigma": 0.02, "offset_sigma": 0.3}, {"mismatch": 0.3, "bow": 0.5}])
@pytest.mark.parametrize("mode", ["driven", "gated"])
def test_exact_against_brute_force(mode, errors):
    """Every position has its own devices and converters, its errors add up, and what falls on the padding adds none."""
    params = REAL.with_values(junction__parallel_resistance__sigma=0.3, wire__column_resistance=2e3)
    at = CrossbarSetup(params=params, adc_errors=errors, rows=mode, calibration="column" if mode == "driven" else "none")
    layer = conv()
    x = image().sign()
    found = place(layer, at)(x).numpy()
    want = brute(layer, x, at, (4, 3), 5)
    assert (np.abs(found - want) > 1e-3).sum() <= 1  # one conversion may fall on the other side of a threshold
    assert np.abs(found - layer(x).detach().numpy()).max() >= 2  # errors there are


@pytest.mark.parametrize("mode", ["driven", "gated"])
@pytest.mark.parametrize("fidelity", ["table", "exact"])
def test_an_image_gives_the_same_in_any_batch(fidelity, mode):
    twin = place(conv(stride=1), CrossbarSetup(params=REAL, rows=mode, adc_errors={"offset_sigma": 0.3}), fidelity=fidelity)
    x = image((5, 5, 6, 6))
    together = twin(x)
    assert torch.equal(together, torch.cat([twin(one[None]) for one in x]))
    assert torch.equal(together[:, :, :4, :4], twin(x[:, :, :5, :5])[:, :, :4, :4])


@pytest.mark.parametrize("mode", ["driven", "gated"])
@pytest.mark.parametrize("fidelity", ["table", "exact"])
def test_a_position_that_is_read_in_one_window(fidelity, mode):
    """One image of 2 x 2: every position but the middle one meets one or two pixels."""
    layer, x = conv(stride=1), image((1, 5, 2, 2))
    assert torch.equal(place(layer, CrossbarSetup(params=IDEAL, rows=mode), fidelity=fidelity)(x), layer(x))


@pytest.mark.parametrize("mode", ["driven", "gated"])
@pytest.mark.parametrize("bits", [1, 8])
def test_the_strategies_are_one_where_there_is_one_position(mode, bits):
    at = CrossbarSetup(params=REAL, rows=mode, adc_errors={"offset_sigma": 0.3})
    linear = BinaryLinear(37, 5, input_bits=bits, binarize_input=bits == 1, generator=draw())
    for layer, x in ((linear, image((3, 37), bits)), (conv(kernel=1, padding=0, bits=bits), image(bits=bits))):
        for fidelity in ("table", "exact"):
            one, two = (place(layer, at, fidelity=fidelity, strategy=s)(x) for s in (1, 2))
            assert torch.equal(one, two) and not torch.equal(one, layer(x))


def test_device_rows_are_arrays_of_half_the_cells():
    model = torch.nn.Sequential(conv())
    chip = type("C", (), {"drop_probability": [], "seed": 1, "id": "c"})()
    cells = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=REAL), (8, 3))
    for strategy in (1, 2):
        a, b = (to_hardware(model, p.with_mapping(strategy=strategy), chip, "exact") for p in (cells, cells.with_mapping((16, 3), rows="devices")))
        assert torch.equal(a(image()), b(image()))
        assert a[0].tile_sizes == b[0].tile_sizes and max(a[0].tile_sizes)[0] == (8 if strategy == 1 else 5)


@pytest.mark.parametrize("mode", ["driven", "gated"])
@pytest.mark.parametrize("errors", [{}, {"mismatch": 0.2}, {"offset_sigma": 0.5}])
@pytest.mark.parametrize("shape", [{}, {"kernel": (2, 2), "padding": 3, "stride": 2}])
def test_training_goes_through_the_same_arrays(mode, errors, shape):
    params = REAL.with_values(junction__parallel_resistance__sigma=0.6)
    at = CrossbarSetup(params=params, rows=mode, adc_errors=errors, adc_bits=3)
    layer, x = conv(**shape), image()
    with HardwareAware(layer, at, (4, 3), chips=2, seed=4, strategy=2) as aware:
        aware.step(0)
        out = layer(x).detach()
        counted = aware.clipping[""].total
    seed = integer_seed(4, "array-pool", aware.current)
    table = LinearResponseLayer(layer, at, (4, 3), seed=seed, name="", fidelity="table", strategy=2)
    assert float(((table(x) - out).abs() > 1e-3).float().mean()) < 0.01 and counted == table.clipping.total
    assert float((out - layer(x).detach()).abs().max()) >= 1


def test_chips_of_strategy_1_are_those_of_before():
    """Sums of the arrays of chip 11, written down before strategy 2 was simulated: devices follow seed, layer and tile alone."""
    chip = type("C", (), {"drop_probability": [], "seed": 11, "id": "c"})()
    net = torch.nn.Sequential(BinaryConv2d(3, 7, 3, stride=2, padding=1, generator=draw()))
    x = torch.randn((2, 3, 9, 8), generator=draw(1))
    for mode, want in (("driven", "170154812de16a06"), ("gated", "61f8283a99d5f358")):
        profile = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=REAL, rows=mode), (16, 4))
        found = to_hardware(net, profile, chip, "exact")(x)
        assert hashlib.sha256(found.contiguous().numpy().tobytes()).hexdigest()[:16] == want
    at = CrossbarSetup(params=REAL, adc_errors={"offset_sigma": 0.3, "gain_sigma": 0.02})
    profile = HardwareProfile.ideal(0.2).with_arrays(at, (16, 4))
    found = to_hardware(net, profile, chip, "exact")(x)
    assert hashlib.sha256(found.contiguous().numpy().tobytes()).hexdigest()[:16] == "c169147d3f163b51"


def test_profiles_without_a_choice_keep_their_ids():
    plain = HardwareProfile.ideal(0.2)
    driven = plain.with_arrays(CrossbarSetup(params=REAL), (64, 32))
    assert (plain.id, driven.id) == ("261c4f4b90d5", "14933821a35f")  # as they were before there was a choice
    assert replace(plain, strategy=1, array_rows="cells").id == plain.id
    others = [plain, plain.with_mapping(strategy=2), plain.with_mapping(rows="devices"), plain.with_mapping(strategy=2, rows="devices")]
    assert len({p.id for p in others}) == 4
    assert plain.with_mapping((8, 4)).array == (8, 4) and plain.with_mapping().id == plain.id


def test_a_profile_keeps_its_mapping_in_its_file(tmp_path):
    profile = HardwareProfile.ideal(0.2).with_mapping((64, 32), rows="devices", strategy=2)
    again = HardwareProfile.load(profile.save(tmp_path / "p.h5"))
    assert (again.strategy, again.array_rows, again.array, again.cells) == (2, "devices", (64, 32), (32, 32))
    assert again.id == profile.id


def test_a_strategy_of_numpy_is_a_number_of_the_file():
    profile = HardwareProfile.ideal(0.2).with_mapping(np.array([64, 32]), strategy=np.int64(2))
    assert profile.id == HardwareProfile.ideal(0.2).with_mapping((64, 32), strategy=2).id


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": 3}, {"strategy": True}, {"strategy": 2.0}, {"rows": "bits"}, {"array": (1, 8), "rows": "devices"}, {"array": (0, 8)},
        {"array": (256.7, 256)}, {"array": (256,)}, {"array": (256, 256, 3)}, {"array": 256}, {"array": (float("nan"), 8)},
    ],
)  # fmt: skip
def test_mappings_that_are_not_built_are_refused(changes):
    with pytest.raises(ParameterError, match=r"HardwareProfile") as error:
        HardwareProfile.ideal(0.2).with_mapping(**changes)
    assert error.value.remedy
    with pytest.raises(ParameterError, match="map_plan") as error:
        map_plan(describe(lenet5()), **changes)
    assert error.value.remedy


def test_agreement_is_measured_on_the_cells_of_an_array():
    profile = HardwareProfile.ideal(0.2).with_arrays(CrossbarSetup(params=IDEAL), (16, 3)).with_mapping(rows="devices")
    record = profile.measure_agreement(chips=1, inputs=8).agreements[0]
    assert (record.rows, record.columns) == (8, 3)
