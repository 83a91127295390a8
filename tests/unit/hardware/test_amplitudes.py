"""Profiles of characterisations over reference currents and codes: the same physics, another axis."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.errors import CoverageError, ParameterError, ProfileError
from spinbnn.hardware import HardwareProfile, ModuleTable

ROOM = 298.15
TARGETS = [0.1, 0.2, 0.5]


def retuned(table, name, points):
    """Replace the axis of voltages by another one of as many points."""
    table.axes = {(name if k == "set_voltage" else k): (points if k == "set_voltage" else v) for k, v in table.axes.items()}
    return table


def uneven(table, every, seed=3):
    """A DAC with steps of its own in each draw: the codes' voltages are no straight line; keep each ``every``-th code."""
    draws = len(table.axes["draw"])
    steps = np.random.default_rng(seed).uniform(0.2, 1.8, (61, draws))
    volts = 0.75 + 0.5 * np.cumsum(steps, axis=0) / steps.sum(axis=0)
    t = table.axes["temperature"][:, None, None]
    a = -np.expm1(-np.exp(table.slope * (volts - table.half(t))))
    codes = np.arange(0, 61, every)
    a = np.broadcast_to(a[:, codes], (2, *a[:, codes].shape))
    table.measures = {"transition_01": a, "transition_11": 0.02 + 0.98 * a}
    return retuned(table, "code", codes.astype(float))


def build(table, **options):
    return HardwareProfile.build(table, layers=3, drop_probability=TARGETS, temperature=ROOM, **options)


def test_currents_are_voltages_of_another_scale(synthetic):
    volts, amperes = synthetic(draws=9), retuned(synthetic(draws=9), "set_current", np.linspace(70e-6, 130e-6, 25))
    a, b = build(volts), build(amperes)
    assert b.module.axis == "set_current" and b.module.default_step == b.dac_step == 1e-6
    np.testing.assert_allclose(b.chip(2).codes, a.chip(2).codes * 1e-4, rtol=1e-9)
    np.testing.assert_allclose(b.chip(2).a, a.chip(2).a, rtol=1e-9)
    trimmed = build(retuned(synthetic(draws=9), "set_current", np.linspace(70e-6, 130e-6, 25)), trim="per_module", dac_step=2e-6)
    steps = (trimmed.chip(2).codes - 70e-6) / 2e-6
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    with pytest.raises(CoverageError, match=r"SET current outside.*") as error:
        b.module.transition([69e-6], ROOM)
    assert "[A]" in error.value.where


def test_a_trimmed_module_has_codes_of_its_own_dac(synthetic):
    """Brute force over every code of every draw; nothing is interpolated, and the steps are not even."""
    table = uneven(synthetic(draws=30), every=1)
    profile = build(table, trim="per_module", modules="per_layer")
    a, b = (table.measures[k][0, 1] for k in ("transition_01", "transition_11"))
    p = a / (1 - b + a)  # code x draw
    best = np.argmin(np.abs(p[:, :, None] - np.array(TARGETS)), axis=0)  # draw x layer
    rows = np.arange(30)[:, None]
    np.testing.assert_allclose(profile.module_drop_probabilities(), p[best, rows], rtol=1e-9)
    assert profile.dac_step == 1
    seen = {tuple(row) for row in best.tolist()}
    assert len(seen) > 10
    for seed in range(10):
        codes = build(table, trim="per_module").chip(seed).codes
        assert tuple(codes.astype(int).tolist()) in seen and np.all(codes == np.round(codes))


def test_one_code_for_all_modules_is_a_whole_one(synthetic):
    profile = build(uneven(synthetic(draws=31), every=1))
    codes = profile.chip(0).codes
    assert np.all(codes == np.round(codes)) and np.array_equal(codes, profile.chip(1).codes)
    median = np.median(profile.module.drop_probability(np.arange(61), ROOM), axis=1)
    assert codes.tolist() == [float(np.argmin(np.abs(median - p))) for p in TARGETS]


def test_codes_between_those_of_a_coarse_table_are_whole(synthetic):
    fine, coarse = (build(uneven(synthetic(draws=30), every=k), trim="per_module", modules="per_layer") for k in (1, 4))
    codes = coarse.module.codes(coarse.targets, ROOM, "per_module", 1.0)
    assert np.all(codes == np.round(codes)) and np.any(codes % 4 != 0)
    smooth, real = (profile.module.drop_probability(np.arange(61), ROOM) for profile in (coarse, fine))
    np.testing.assert_allclose(smooth[::4], real[::4], rtol=1e-9)
    assert np.abs(smooth - real).max() > 1e-3, "between its codes the table does not know the DAC's own steps"
    best = np.argmin(np.abs(smooth[:, :, None] - np.array(TARGETS)), axis=0)
    np.testing.assert_array_equal(codes, best)


def test_a_step_that_is_not_a_code_is_refused(synthetic):
    with pytest.raises(ParameterError, match="its codes"):
        build(uneven(synthetic(draws=3), every=4), dac_step=0.01)
    half = np.full((1, 2, 1), 0.5)
    good = {"amplitude": [0.0, 8.0], "temperature": [300.0], "a": half, "b": half, "axis": "code"}
    assert ModuleTable(**good).default_step == 1
    for change in ({"amplitude": [0.0, 8.5]}, {"axis": "speed"}):
        with pytest.raises(ProfileError):
            ModuleTable(**good | change)


def test_a_table_needs_one_axis_of_the_amplitude(synthetic):
    two = synthetic(draws=3)
    two.axes["code"] = np.array([0.0])
    two.measures = {k: v[..., None] for k, v in two.measures.items()}
    with pytest.raises(ProfileError, match="one axis of the SET amplitude"):
        build(two)


@pytest.mark.parametrize("name", ["set_current", "code"])
def test_save_and_load_keep_the_axis(synthetic, tmp_path, name):
    import h5py

    table = uneven(synthetic(draws=5), every=4) if name == "code" else retuned(synthetic(draws=5), name, np.linspace(70e-6, 130e-6, 25))
    profile = build(table, trim="per_module")
    path = profile.save(tmp_path / "p.h5")
    loaded = HardwareProfile.load(path)
    assert loaded.module.axis == name and loaded.id == profile.id and loaded.dac_step == profile.dac_step
    np.testing.assert_array_equal(loaded.chip(1).codes, profile.chip(1).codes)
    with h5py.File(path) as file:
        assert file[f"module/{name}"].attrs["units"] == {"code": "1", "set_current": "A"}[name]
        assert file["module/transition_01"].dims[1].keys() == [name]
    assert profile.id != build(retuned(synthetic(draws=5), "set_voltage", np.linspace(0.7, 1.3, 25)), trim="per_module").id
