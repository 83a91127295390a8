"""Any layer on any array size equals its software form bit for bit."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.nn import BinaryConv2d, BinaryLinear, HardwareConv2d, HardwareLinear

sizes = st.integers(1, 40)
bits = st.sampled_from([1, 8])


def inputs(shape, input_bits, seed):
    """Signs for one input bit, integers 0..255 for eight."""
    draw = torch.Generator().manual_seed(seed)
    if input_bits == 1:
        return 2.0 * torch.randint(0, 2, shape, generator=draw) - 1.0
    return torch.randint(0, 256, shape, generator=draw).float()


@settings(max_examples=60, deadline=None)
@given(rows=sizes, columns=sizes, array=st.tuples(sizes, sizes), input_bits=bits, seed=st.integers(0, 2**31))
def test_linear(rows, columns, array, input_bits, seed):
    draw = torch.Generator().manual_seed(seed)
    layer = BinaryLinear(rows, columns, binarize_input=False, input_bits=input_bits, generator=draw)
    x = inputs((3, rows), input_bits, seed)
    assert torch.equal(HardwareLinear(layer, array)(x), layer(x))


@settings(max_examples=40, deadline=None)
@given(
    channels=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    array=st.tuples(sizes, sizes),
    input_bits=bits,
    seed=st.integers(0, 2**31),
)
def test_conv(channels, kernel, stride, padding, array, input_bits, seed):
    draw = torch.Generator().manual_seed(seed)
    layer = BinaryConv2d(
        *channels, kernel, stride, padding, binarize_input=False, input_bits=input_bits, generator=draw
    )
    x = inputs((2, channels[0], 7, 6), input_bits, seed)
    assert torch.equal(HardwareConv2d(layer, array)(x), layer(x))
