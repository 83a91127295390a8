"""256 x 256 against sparse LU, at the two sets of cells of the benchmark."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import ARRAY_DIRECT

from spinbnn.crossbar.solve import solve_array
from spinbnn.rng import stream


@pytest.mark.slow
@pytest.mark.parametrize(("low", "high"), [(1e5, 2.5e5), (6e3, 1.2e4)])
def test_256_by_256_against_lu(low, high):
    draw = stream(13, "large array")
    g = 1.0 / np.where(draw.random((256, 256)) < 0.5, low, high)
    volts = 0.1 * (draw.random((2, 256)) < 0.5)
    lu = solve_array(g, volts, wire_row=1.0, wire_column=1.0, method="lu")
    for method in ("lines", "transfer"):
        found = solve_array(g, volts, wire_row=1.0, wire_column=1.0, method=method)
        for name in ("currents", "row_currents"):
            ours, theirs = getattr(found, name), getattr(lu, name)
            assert np.abs(ours - theirs).max() <= ARRAY_DIRECT * np.abs(theirs).max()
    assert (volts @ g).max() > 1.05 * lu.currents.max()
