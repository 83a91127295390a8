"""A profile from the real table class, by way of its file."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.characterize.grid import Axis
from spinbnn.characterize.table import LookupTable, Measure
from spinbnn.errors import CoverageError
from spinbnn.hardware import HardwareProfile

UNITS = {"corner": "", "temperature": "K", "set_voltage": "V", "draw": "1"}


def lookup_table(table, failed=()):
    axes = tuple(
        Axis(name=n, unit=UNITS[n], description=n, values=tuple(v.tolist())) for n, v in table.axes.items()
    )
    status = np.zeros([len(axis.values) for axis in axes], np.uint8)
    data = {name: values.copy() for name, values in table.measures.items()}
    for where in failed:
        status[where] = 1
        for values in data.values():
            values[where] = np.nan
    measures = {n: Measure(name=n, unit=table.units(n), description=n, data=v) for n, v in data.items()}
    return LookupTable(name="synthetic", grid_axes=axes, measures=measures, status=status)


def test_the_profile_of_a_saved_table_is_that_of_its_numbers(synthetic, tmp_path):
    source = synthetic(draws=6)
    table = lookup_table(source)
    table.save(tmp_path / "t.h5")
    opened = LookupTable.open(tmp_path / "t.h5")
    profile, direct = HardwareProfile.build(opened), HardwareProfile.build(source)
    assert profile.source_hash == table.content_hash
    for seed in range(5):
        np.testing.assert_array_equal(profile.chip(seed).a, direct.chip(seed).a)
    assert profile.draw_energy == direct.draw_energy is not None
    assert profile.draw_latency == pytest.approx(15e-9, rel=1e-9, abs=0)


def test_failed_cells_of_a_table_are_refused(synthetic):
    table = lookup_table(synthetic(draws=6), failed=[(0, 1, 2, 5)])
    with pytest.raises(CoverageError, match="1 of 6"):
        HardwareProfile.build(table)
    assert HardwareProfile.build(table, failed="exclude").module.draws == 5
