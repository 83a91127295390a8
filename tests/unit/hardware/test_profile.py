"""Profiles: interpolation, codes, trim, temperature, chips, files."""

from __future__ import annotations

import time

import numpy as np
import pytest

from spinbnn.errors import CoverageError, DataError, ParameterError, ProfileError, UnitError
from spinbnn.hardware.modules import ModuleTable
from spinbnn.hardware.profile import HardwareProfile

ROOM = 298.15
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)


def build(table, **changes):
    return HardwareProfile.build(table, **{"temperature": ROOM} | changes)


def analytic_a(table, voltage, temperature, offset=0.0):
    return -np.expm1(-np.exp(table.slope * (voltage - table.half(temperature) - offset)))


def test_interpolation_is_exact_where_the_log_hazard_is_linear(synthetic):
    table = synthetic(draws=3, spread=0.0, reset_failure=0.0)
    module = build(table).module
    voltage = np.linspace(0.913, 1.113, 17)  # a < 0.9999: beyond, neighbouring grid points are clamped
    a, b = module.transition(voltage, ROOM)
    np.testing.assert_allclose(a[:, 0], analytic_a(table, voltage, ROOM), rtol=1e-9)
    np.testing.assert_allclose(b, a, rtol=1e-12)
    between, _ = module.transition(voltage, 350.0)
    np.testing.assert_allclose(between[:, 1], analytic_a(table, voltage, 350.0), rtol=1e-9)


def test_grid_points_are_returned_as_measured(synthetic):
    module = build(synthetic(draws=5)).module
    inner = slice(5, 17)  # away from the clamp
    a, b = module.transition(module.amplitude[inner], 398.15)
    np.testing.assert_allclose(a, module.a[2, inner], rtol=1e-9)
    np.testing.assert_allclose(b, module.b[2, inner], rtol=1e-9)


def test_nothing_is_extrapolated(synthetic):
    module = build(synthetic(draws=3)).module
    for voltage, temperature in (([0.69], ROOM), ([1.31], ROOM), ([1.0], 233.0), ([1.0], 399.0)):
        with pytest.raises(CoverageError) as error:
            module.transition(voltage, temperature)
        assert "characterise" in error.value.remedy


def test_nominal_code_gives_the_median_its_target(synthetic):
    profile = build(synthetic(draws=65), layers=5, drop_probability=LEVELS)
    for p, code in zip(LEVELS, profile.chip(0).codes, strict=True):
        assert np.median(profile.module.drop_probability([code], ROOM)) == pytest.approx(p, abs=1e-9)


def test_nominal_code_of_identical_draws_inverts_the_curve(synthetic):
    table = synthetic(draws=1, spread=0.0)
    eps, p = 0.02, 0.2
    chip = build(table, layers=1, drop_probability=p).chip(0)
    a = p * (1 - eps) / (1 - p * eps)  # of p = a / (1 - b + a) with b = eps + (1 - eps) a
    assert chip.drop_probability[0] == pytest.approx(p, abs=1e-9)
    # b is not log-linear (RESET failure is a floor): between 25 mV points it errs by about 2e-5
    assert chip.a[0] == pytest.approx(a, abs=1e-5)
    assert chip.reset_failure[0] == pytest.approx(eps, abs=1e-4)


def test_unreachable_targets_say_what_is_reached(synthetic):
    with pytest.raises(CoverageError, match="median") as error:
        build(synthetic(draws=5), drop_probability=1e-5)  # the lowest voltage gives about 2e-4
    assert "spans" in error.value.remedy


def test_shared_module_is_one_draw_and_per_layer_are_several(synthetic):
    table = synthetic(draws=64)
    shared = build(table, layers=3, drop_probability=0.2)
    for seed in range(20):
        chip = shared.chip(seed)
        assert len(set(chip.a)) == len(set(chip.codes)) == 1 and chip.modules == "shared"
    separate = build(table, layers=3, drop_probability=0.2, modules="per_layer")
    assert np.mean([len(set(separate.chip(seed).a)) for seed in range(20)]) > 2.5


def test_every_chip_is_a_characterised_draw(synthetic):
    profile = build(synthetic(draws=8), modules="per_layer")
    a, b = profile.module.transition([profile.chip(0).codes[0]], ROOM)
    seen = set()
    for seed in range(60):
        chip = profile.chip(seed)
        for x, y in zip(chip.a, chip.b, strict=True):
            (hit,) = np.flatnonzero(a[0] == x)
            assert b[0, hit] == y
            seen.add(int(hit))
    assert seen == set(range(8))


def test_trim_narrows_the_spread_to_the_dac(synthetic):
    table = synthetic(draws=200)
    spread = {}
    for trim, step in (("none", 0.01), ("per_module", 0.01), ("per_module", 0.001)):
        p = build(table, trim=trim, dac_step=step, modules="per_layer").sample_drop_probabilities(400, seed=0)
        spread[trim, step] = float(np.std(p))
    assert spread["per_module", 0.01] < 0.5 * spread["none", 0.01]
    assert spread["per_module", 0.001] < 0.15 * spread["per_module", 0.01]


def test_trim_codes_are_the_nearest_codes_of_the_dac(synthetic):
    profile = build(
        synthetic(draws=30), layers=2, drop_probability=[0.2, 0.5], trim="per_module", dac_step=0.02
    )
    codes = profile.module.codes(profile.targets, ROOM, "per_module", 0.02)
    steps = (codes - 0.7) / 0.02
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    p = profile.module.drop_probability(0.7 + 0.02 * np.arange(31), ROOM)
    for layer, target in enumerate(profile.targets):
        best = np.abs(p - target).min(axis=0)
        rows = np.round(steps[:, layer]).astype(int)
        np.testing.assert_allclose(np.abs(p[rows, np.arange(30)] - target), best, atol=1e-12)


def test_heating_moves_p_and_trimming_there_moves_it_back(synthetic):
    profile = build(synthetic(draws=65, spread=0.002), trim="per_module", dac_step=0.001)
    cold = profile.chip(4).drop_probability[0]
    hot = profile.chip(4, temperature=398.15).drop_probability[0]
    trimmed = profile.chip(4, temperature=398.15, trim_temperature=398.15)
    assert cold == pytest.approx(0.2, abs=0.01)  # 1 mV moves p by dp/dlnH x 25/V x 1 mV = 0.0045
    assert hot > 0.28
    assert trimmed.drop_probability[0] == pytest.approx(0.2, abs=0.01)
    assert (trimmed.temperature, trimmed.trim_temperature) == (398.15, 398.15)
    rounded = profile.chip(4, temperature=np.nextafter(398.15, 500.0))  # as 125 + 273.15 may be
    assert rounded.drop_probability[0] == hot
    assert profile.chip(4, temperature=398.15).codes[0] == profile.chip(4).codes[0]
    with pytest.raises(CoverageError, match="temperature"):
        profile.chip(4, temperature=450.0)


def test_chips_are_fixed_by_their_seed(synthetic):
    profile = build(synthetic())
    again = build(synthetic())
    one, two = profile.chip(7), again.chip(7)
    assert one.id == two.id and np.array_equal(one.a, two.a) and profile.id == again.id
    assert profile.chip(8).id != one.id and profile.chip(7, temperature=310.0).id != one.id
    assert build(synthetic(), trim="per_module").id != profile.id
    assert build(synthetic(spread=0.011)).id != profile.id


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
def test_sampled_probabilities_are_those_of_the_chips(synthetic, modules):
    for profile in (
        build(synthetic(), modules=modules, drop_probability=LEVELS),
        HardwareProfile.gaussian(LEVELS, 0.05, modules=modules),
    ):
        p = profile.sample_drop_probabilities(30, seed=2)
        chips = [profile.chip(s) for s in profile.chip_seeds(30, seed=2)]
        np.testing.assert_allclose(p, [c.drop_probability for c in chips], rtol=0, atol=1e-15)
        np.testing.assert_array_equal(p[:5], profile.sample_drop_probabilities(5, seed=2))
        assert profile.sample_drop_probabilities(0, seed=2).shape == (0, 5)


@pytest.mark.parametrize("modules", ["shared", "per_layer"])
@pytest.mark.parametrize("trim", ["none", "per_module"])
def test_modules_are_the_rows_that_chips_are_made_of(synthetic, modules, trim):
    """Every chip's probability is a module's own; a thousand shared chips hold no more than D different."""
    profile = build(synthetic(draws=16), modules=modules, trim=trim, drop_probability=LEVELS)
    alone = profile.module_drop_probabilities()
    assert alone.shape == (16, 5)
    chips = profile.sample_drop_probabilities(1000, seed=3)
    assert all(np.isin(chips[:, i], alone[:, i]).all() for i in range(5))
    if modules == "shared":
        assert len(np.unique(chips, axis=0)) == 16  # P(a draw is missed) = 16 (15/16)^1000 < 1e-26
    alone[:] = 0.0  # a copy: the profile does not change
    assert profile.module_drop_probabilities().min() > 0


def test_shared_modules_are_judged_as_a_chain_over_the_layers(synthetic):
    shared = build(synthetic(draws=4, reset_failure=0.1), drop_probability=LEVELS)
    alone = build(synthetic(draws=4, reset_failure=0.1), drop_probability=LEVELS, modules="per_layer")
    q, p = shared.module_drop_probabilities(), alone.module_drop_probabilities()
    codes = shared.module.codes(LEVELS, ROOM, "none", 0.01)
    a, b = shared.module.transition_of_codes(codes, ROOM)
    np.testing.assert_allclose(q, a + (b - a) * np.roll(q, 1, axis=1), rtol=0, atol=1e-14)
    np.testing.assert_allclose(p, a / (1 - b + a), rtol=0, atol=1e-14)
    assert np.abs(q - p).max() > 1e-3


def test_another_trim_and_temperature_of_the_same_modules(synthetic):
    profile = build(synthetic(draws=40), dac_step=0.001)
    trimmed = build(synthetic(draws=40), dac_step=0.001, trim="per_module")
    for settings in (
        {},
        {"temperature": 350.0},
        {"temperature": 350.0, "trim_temperature": 350.0},
    ):
        wanted = trimmed.module_drop_probabilities(**settings)
        np.testing.assert_array_equal(profile.module_drop_probabilities("per_module", **settings), wanted)
        np.testing.assert_array_equal(
            trimmed.module_drop_probabilities("none", **settings),
            profile.module_drop_probabilities(**settings),
        )
    assert profile.module_drop_probabilities("per_module").std() < 0.1 * (
        profile.module_drop_probabilities().std()
    )
    with pytest.raises(ParameterError):
        profile.module_drop_probabilities("often")
    with pytest.raises(CoverageError):
        profile.module_drop_probabilities(temperature=500.0)
    with pytest.raises(ProfileError):
        HardwareProfile.gaussian(0.2, 0.03).module_drop_probabilities()


def test_modules_that_read_wrong_at_their_code_are_counted(synthetic):
    assert build(synthetic(draws=8)).unreadable_modules is None
    assert build(synthetic(draws=8).with_read_out()).unreadable_modules == 0
    codes = build(synthetic(draws=8), drop_probability=LEVELS).chip(0).codes
    used = [int(np.argmin(np.abs(np.linspace(0.7, 1.3, 25) - code))) for code in codes]
    unused = next(i for i in range(25) if i not in used)
    table = synthetic(draws=8).with_read_out(
        (0, 1, used[0], 2),
        (0, 1, used[4], 2),  # the same draw in another layer: one module
        (0, 1, used[4], 5),
        (0, 1, unused, 6),  # a voltage that no code is near
        (0, 2, used[0], 7),  # another temperature
        (1, 1, used[0], 3),  # another corner
    )
    table.measures["read_ok"][0, 1, used[1], 0] = np.nan  # not known to be right
    assert build(table, drop_probability=LEVELS).unreadable_modules == 3
    assert build(table, drop_probability=LEVELS, modules="per_layer").unreadable_modules == 3
    hot = build(synthetic(draws=8), drop_probability=LEVELS[0], temperature=390.0).chip(0)
    nearest = int(np.argmin(np.abs(np.linspace(0.7, 1.3, 25) - hot.codes[0])))
    for temperature, wrong in ((298.15, 0), (340.0, 0), (355.0, 1), (390.0, 1)):  # 348.15 K lies halfway
        table = synthetic(draws=8).with_read_out(*((0, 2, v, 7) for v in range(nearest - 2, nearest + 5)))
        profile = build(table, drop_probability=LEVELS[0], temperature=temperature)
        assert profile.unreadable_modules == wrong


def test_trimmed_modules_are_judged_at_their_own_codes(synthetic):
    profile = build(synthetic(draws=8).with_read_out(), trim="per_module")
    own = profile.module.codes(profile.targets, ROOM, "per_module", profile.dac_step)[:, 0]
    column = np.argmin(np.abs(own[:, None] - np.linspace(0.7, 1.3, 25)), axis=1)
    assert len(set(column.tolist())) > 1
    table = synthetic(draws=8).with_read_out(*((0, 1, column[3], d) for d in range(8)))
    assert build(table, trim="per_module").unreadable_modules == int(np.sum(column == column[3]))


def test_read_outs_are_kept_in_the_file_and_in_the_hash(synthetic, tmp_path):
    good, bad = (build(synthetic(draws=4).with_read_out(*w)) for w in ((), [(0, 1, 12, 1)]))
    assert len({build(synthetic(draws=4)).id, good.id, bad.id}) == 3
    loaded = HardwareProfile.load(bad.save(tmp_path / "p.h5"))
    assert loaded.id == bad.id and loaded.unreadable_modules == bad.unreadable_modules is not None
    np.testing.assert_array_equal(loaded.module.read_ok, bad.module.read_ok)


def test_a_thousand_chips_in_less_than_a_second(synthetic):
    profile = build(synthetic(draws=1000), modules="per_layer", trim="per_module")
    start = time.process_time()
    profile.sample_drop_probabilities(1000, seed=0)
    assert time.process_time() - start < 1.0  # the brief's bound; about 0.1 s on one core


def test_gaussian_compatibility_mode():
    p = HardwareProfile.gaussian(0.2, 0.1, layers=2, modules="shared").sample_drop_probabilities(500, seed=0)
    assert np.array_equal(p[:, 0], p[:, 1]) and p.min() == 0.0 and p.max() < 0.6
    chip = HardwareProfile.gaussian(0.2, 0.1).chip(0)
    assert np.array_equal(chip.a, chip.b) and chip.temperature is None
    with pytest.raises(CoverageError):
        HardwareProfile.gaussian(0.2, 0.1).chip(0, temperature=300.0)


def test_corner_and_default_temperature(synthetic):
    tt, ss = build(synthetic()), build(synthetic(), corner="ss")
    assert ss.chip(0).codes[0] == pytest.approx(tt.chip(0).codes[0] + 0.05, abs=1e-6)
    assert HardwareProfile.build(synthetic()).temperature == 300.0
    with pytest.raises(ProfileError) as error:
        build(synthetic(), corner="tf")
    assert "tt" in error.value.remedy
    single = synthetic()
    single.axes["temperature"] = np.array([ROOM])
    single.measures = {k: v[:, 1:2] for k, v in single.measures.items()}
    assert HardwareProfile.build(single).temperature == ROOM


def test_axes_in_any_order_and_text_as_bytes(synthetic):
    table, turned = synthetic(draws=10), synthetic(draws=10)
    turned.axes = {k: turned.axes[k] for k in ("draw", "set_voltage", "corner", "temperature")} | {
        "vdd": np.array([1.1])
    }
    turned.axes["corner"] = np.array([b"tt", b"ss"])
    turned.measures = {k: np.transpose(v, (3, 2, 0, 1))[..., None] for k, v in turned.measures.items()}
    assert build(turned).id == build(table).id


def test_failed_samples_are_refused_unless_told(synthetic):
    table = synthetic(draws=20, broken=[(0, 1, 3, 4), (0, 2, 5, 9)])
    with pytest.raises(CoverageError, match="2 of 20") as error:
        build(table)
    assert error.value.value == [4, 9]
    profile = build(table, failed="exclude")
    assert (profile.module.draws, profile.excluded_draws) == (18, 2)
    assert build(table, corner="ss").excluded_draws == 0
    with pytest.raises(CoverageError):
        build(synthetic(draws=1, broken=[(0, 0, 0, 0)]), failed="exclude")


def test_an_undecided_read_makes_the_latency_unknown_where_it_counts(synthetic):
    table = synthetic(draws=20, spread=0.002)
    table.measures["latency_cycle"][0, :, 0, 3] = np.nan  # a voltage that no code uses
    profile = build(table)
    assert (profile.module.draws, profile.draw_latency) == (20, pytest.approx(15e-9, rel=1e-9, abs=0))
    table.measures["latency_cycle"][0, 0, :, 3] = np.nan  # another temperature
    assert build(table).draw_latency == pytest.approx(15e-9, rel=1e-9, abs=0)
    assert build(table, temperature=270.0).draw_latency is None
    table.measures["latency_cycle"][0, 1, :, 3] = np.nan
    unknown = build(table)
    assert unknown.draw_latency is None and unknown.draw_energy > 0


def test_tables_that_do_not_fit_are_refused(synthetic):
    for change in ("set_voltage", "temperature", "draw"):
        table = synthetic()
        table.axes = {k if k != change else "renamed": v for k, v in table.axes.items()}
        with pytest.raises(ProfileError):
            build(table)
    table = synthetic()
    del table.measures["transition_11"]
    with pytest.raises(ProfileError, match="transition_11"):
        build(table)
    table = synthetic()
    table.units = lambda measure: "pJ"
    with pytest.raises(UnitError):
        build(table)
    table = synthetic()
    del table.measures["energy_cycle"], table.measures["latency_cycle"]
    assert (build(table).draw_energy, build(table).draw_latency) == (None, None)


def test_profiles_that_cannot_work_are_refused(synthetic):
    with pytest.raises(ParameterError, match="temperature"):
        HardwareProfile(targets=(0.2,), module=build(synthetic(draws=2)).module)
    for sigma in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="sigma"):
            HardwareProfile.gaussian(0.2, sigma)


@pytest.mark.parametrize(
    "changes",
    [
        {"modules": "ten"},
        {"trim": "yes"},
        {"drop_probability": 0.0},
        {"drop_probability": [0.2, 0.3]},
        {"layers": 0},
        {"dac_step": 0.0},
        {"failed": "ignore"},
    ],
)
def test_wrong_settings_are_refused(synthetic, changes):
    with pytest.raises(ParameterError) as error:
        build(synthetic(), **changes)
    assert error.value.remedy


def test_module_tables_are_checked():
    grid = np.full((1, 2, 1), 0.5)
    good = {"amplitude": [1.0, 1.1], "temperature": [300.0], "a": grid, "b": grid}
    assert ModuleTable(**good).draws == 1
    for change in (
        {"amplitude": [1.1, 1.0]},
        {"temperature": [300.0, 310.0]},
        {"b": grid + 1},
        {"a": grid * np.nan},
        {"a": np.full((1, 2, 0), 0.5), "b": np.full((1, 2, 0), 0.5)},
        {"energy": np.ones((1, 2, 3))},
        {"read_ok": np.ones((1, 2, 3))},
        {"read_ok": grid},
        {"amplitude": [1.0], "a": grid[:, :1], "b": grid[:, :1]},
    ):
        with pytest.raises(ProfileError):
            ModuleTable(**good | change)


def test_save_and_load(synthetic, tmp_path):
    profile = build(
        synthetic(draws=12), modules="per_layer", trim="per_module", drop_probability=LEVELS, array=(128, 64)
    )
    loaded = HardwareProfile.load(profile.save(tmp_path / "folder" / "p.h5"))
    assert loaded.settings() == profile.settings() and loaded.id == profile.id
    assert loaded.draw_energy == profile.draw_energy is not None
    for seed in range(5):
        assert loaded.chip(seed).id == profile.chip(seed).id
        np.testing.assert_array_equal(loaded.chip(seed).a, profile.chip(seed).a)
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["p.h5"]
    plain = HardwareProfile.gaussian(0.3, 0.02)
    assert HardwareProfile.load(plain.save(tmp_path / "g.h5")).id == plain.id


def test_files_carry_units_and_damage_is_noticed(synthetic, tmp_path):
    import h5py

    path = build(synthetic(draws=4)).save(tmp_path / "p.h5")
    with h5py.File(path) as file:
        assert (
            file["module/energy_cycle"].attrs["units"] == "J"
            and file["module/transition_01"].dims[1][0][0] == 0.7
        )
        assert file.attrs["schema"] == "spinbnn.profile/1"
    with h5py.File(path, "r+") as file:
        file["module/transition_01"][0, 0, 0] = 0.25
    with pytest.raises(DataError, match="hash"):
        HardwareProfile.load(path)
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = "spinbnn.table/1"
    with pytest.raises(DataError, match="not a hardware profile"):
        HardwareProfile.load(path)
    path.write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="cannot be read"):
        HardwareProfile.load(path)
    with pytest.raises(DataError, match="no such profile"):
        HardwareProfile.load(tmp_path / "missing.h5")
