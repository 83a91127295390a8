"""Products in full float32: torch's settings are set while it matters and restored after."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from spinbnn.crossbar.array_params import ArrayParams
from spinbnn.hardware.arrays import CrossbarSetup
from spinbnn.nn import BinaryConv2d, BinaryLinear
from spinbnn.nn.float32 import PLACES, full_float32
from spinbnn.nn.hardware import HardwareAware, HardwareConv2d, HardwareLinear, LinearResponseLayer


def seen(kind):
    return [getattr(owner, key) for owner, key, _ in PLACES[kind]]


@pytest.fixture
def reduced():
    """Torch set to compute in TF32 and bfloat16; its own settings come back after the test."""
    before = {kind: seen(kind) for kind in PLACES}
    try:
        for kind, low in (("cuda", "tf32"), ("cpu", "bf16")):
            for owner, key, _ in PLACES[kind]:
                setattr(owner, key, low if key == "fp32_precision" else True)
        yield {kind: seen(kind) for kind in PLACES}
    finally:
        for kind, values in before.items():
            for (owner, key, _), value in zip(PLACES[kind], values, strict=True):
                setattr(owner, key, value)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_settings_are_full_inside_and_restored_outside(reduced, kind):
    full = [value for _, _, value in PLACES[kind]]
    assert full and reduced[kind] != full
    with full_float32(kind):
        assert seen(kind) == full
    assert seen(kind) == reduced[kind]
    with pytest.raises(RuntimeError, match="broken"), full_float32(torch.device(kind)):
        raise RuntimeError("broken")
    assert seen(kind) == reduced[kind]
    other = "cpu" if kind == "cuda" else "cuda"
    with full_float32(kind):
        assert seen(other) == reduced[other]  # not ours to change


def test_what_is_full_already_is_left_alone():
    before = {kind: seen(kind) for kind in PLACES}
    with full_float32("cpu"), full_float32("cuda"):
        assert seen("cpu") == before["cpu"]
    assert {kind: seen(kind) for kind in PLACES} == before
    with full_float32("meta"):
        pass


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_thread_that_leaves_does_not_end_it_for_another(reduced, kind):
    full = [value for _, _, value in PLACES[kind]]
    first = full_float32(kind)
    first.__enter__()
    with ThreadPoolExecutor(1) as other:
        second = full_float32(kind)
        other.submit(second.__enter__).result()
        first.__exit__(None, None, None)
        assert seen(kind) == full  # the second is still inside
        other.submit(second.__exit__, None, None, None).result()
    assert seen(kind) == reduced[kind]


def test_what_is_changed_inside_is_full_in_the_next_context(reduced):
    owner, key, full = PLACES["cpu"][0]
    with full_float32("cpu"):
        setattr(owner, key, reduced["cpu"][0])
        with full_float32("cpu"):
            assert getattr(owner, key) == full
    assert seen("cpu") == reduced["cpu"]


def test_convolutions_of_cudnn_are_the_ones_that_default_to_tf32():
    code = (
        "import torch; from spinbnn.nn.float32 import full_float32\n"
        "before = torch.backends.cudnn.allow_tf32\n"
        "with full_float32('cuda'): inside = torch.backends.cudnn.conv.fp32_precision\n"
        "print(before, inside, torch.backends.cudnn.allow_tf32)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "ieee", "True"]


def test_hardware_layers_compute_in_full_float32(reduced, monkeypatch):
    """Every product of every layer, forward and through the training hook; the flags are read where the product is taken."""
    from spinbnn.nn.hardware import views

    found = []

    class Spy:
        def __getattr__(self, name):
            def product(*arguments):
                found.append(seen("cpu"))
                return getattr(torch.nn.functional, name)(*arguments)

            return product

    monkeypatch.setattr(views, "functional", Spy())
    at = CrossbarSetup(params=ArrayParams.load("array_mohm"))
    conv, linear = BinaryConv2d(2, 3, 3, padding=1), BinaryLinear(9, 3)
    image, rows = torch.randn(1, 2, 4, 4), torch.randn(1, 9)
    for strategy in (1, 2):
        HardwareConv2d(conv, (4, 4), strategy=strategy)(image)
        for layer, x in ((conv, image), (linear, rows)):
            LinearResponseLayer(layer, at, (4, 4), seed=0, name="x", fidelity="exact", strategy=strategy)(x)
        with HardwareAware(conv, at, (4, 4), chips=1, strategy=strategy) as aware:
            aware.step(0)
            conv(image)
    assert len(found) > 50 and all(flags == ["ieee", "ieee"] for flags in found)
    assert seen("cpu") == reduced["cpu"]


def test_autocast_does_not_reach_the_sums():
    layer = BinaryLinear(5001, 3, generator=torch.Generator().manual_seed(0))
    x = layer.binary_weight().detach()[:1]  # agrees with column 0 in every row: 5001, which 16 bits do not hold
    conv = BinaryConv2d(5001, 3, 1, generator=torch.Generator().manual_seed(0))
    image = conv.binary_weight().detach()[:1]
    at = CrossbarSetup(params=ArrayParams.load("array_mohm").with_values(
        wire__row_resistance=0, wire__column_resistance=0, junction__parallel_resistance__sigma=0, junction__tmr__sigma=0
    ))  # fmt: skip
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for twin, given in ((HardwareLinear(layer, (256, 256)), x), (HardwareConv2d(conv, (6000, 4)), image)):
            out = twin(given)
            assert out.dtype == torch.float32 and out.flatten()[0] == 5001
        assert LinearResponseLayer(layer, at, (256, 256), seed=0, name="x", fidelity="table")(x).flatten()[0] == 5001
