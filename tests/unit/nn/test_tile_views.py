"""What a tile sees: kernels, outputs and windows against the unrolled convolution."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from spinbnn.crossbar.tiling import MatrixTiling, outputs_inside
from spinbnn.nn.hardware.views import views_of

small = st.integers(1, 4)


@settings(max_examples=60, deadline=None)
@given(
    channels=small, kernel=st.tuples(small, small), stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)), rows=st.integers(1, 9), strategy=st.sampled_from([1, 2]),
    pixels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)  # fmt: skip
def test_tiles_add_up_to_the_convolution(channels, kernel, stride, padding, rows, strategy, pixels):
    if any(n + 2 * p < k for n, p, k in zip(pixels, padding, kernel, strict=True)):
        return
    draw = torch.Generator().manual_seed(channels)
    weight = torch.randint(-9, 10, (2, channels, *kernel), generator=draw).double()
    x = torch.randint(-9, 10, (2, channels, *pixels), generator=draw).double()
    want = functional.conv2d(x, weight, None, stride, padding)
    tiling = MatrixTiling(channels=channels, columns=2, cells=(rows, 1), kernel=kernel, strategy=strategy)
    total, flat = torch.zeros_like(want), weight.flatten(1)
    seen = torch.zeros(want.numel() // 2, dtype=torch.int64)
    for view in views_of(tiling, stride, padding):
        assert view.size(pixels) == tuple(want.shape[2:])
        numbers = view.windows(x)
        if not view.read(x):
            assert len(numbers) == 0
            continue
        found = view.product(x, view.kernel_of(flat[:, view.rows]))
        view.part(total, x).add_(found)
        seen[numbers] += 1
        assert found.shape[2:] == tuple(map(len, view.outputs(pixels)))
        assert view.uniform == (strategy == 2 or padding == (0, 0))
    assert torch.equal(total, want)
    if strategy == 2:  # a window is read once for each tile of each position that meets a pixel
        ones = functional.conv2d(torch.ones_like(x[:, :1]), torch.ones(1, 1, *kernel, dtype=x.dtype), None, stride, padding)
        assert torch.equal(seen, ones.flatten().long() * tiling.row_tiles)
    else:
        assert (seen == tiling.row_tiles).all()


@given(k=st.integers(0, 6), length=st.integers(1, 9), stride=st.integers(1, 4), padding=st.integers(0, 6), outputs=st.integers(0, 12))
def test_outputs_that_meet_a_pixel(k, length, stride, padding, outputs):
    want = [i for i in range(outputs) if 0 <= i * stride + k - padding < length]
    assert list(outputs_inside(k, length, outputs, stride, padding)) == want
