"""The macrospin against exact results, the p(I) table of three other programs, and cmtj live."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats
from tolerances import FLOAT64, HEUN_DECAY, HEUN_PHASE, SMALL_TILT, STANDARD_ERRORS

from spinbnn.device import DeviceParams
from spinbnn.device.macrospin import Macrospin, transverse_average
from spinbnn.errors import ParameterError
from spinbnn.rng import stream

GAMMA = 1.76085963e11
BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "macrospin_vs_cmtj.py"

# p(I) of the benchmark device, 10 ns, 1 ps steps, 300 K, from the easy axis 1 ns before the pulse, 2 ns after it; written
# for the facts of this project with three programs: plain numpy, cmtj's Heun solver, and a numba loop
CURRENTS = np.array([158.3, 171.5, 184.6, 197.8, 211.0, 224.2, 237.4, 250.6, 263.8, 290.1, 316.5]) * 1e-6
COLUMNS = {
    "numpy": (1000, [0.001, 0.021, 0.111, 0.340, 0.706, 0.963, 1.000, 0.994, 0.832, 0.464, 0.453]),
    "cmtj": (1000, [0.003, 0.026, 0.103, 0.332, 0.712, 0.973, 1.000, 0.996, 0.809, 0.497, 0.435]),
    "numba": (4000, [0.0043, 0.0217, 0.1045, 0.3265, 0.7100, 0.9565, 1.0000, 0.9970, 0.8177, 0.4703, 0.4445]),
}


@pytest.fixture(scope="module")
def params() -> DeviceParams:
    return DeviceParams.load("bench_pmtj40")


def g_test(first: np.ndarray, trials: int, second: np.ndarray, others: int) -> tuple[float, int]:
    """Return the p-value of equal probabilities, over the points with at least 5 expected counts in every cell."""
    pooled = (first + second) / (trials + others)
    fit = np.minimum(trials, others) * np.minimum(pooled, 1 - pooled) >= 5

    def deviance(k: np.ndarray, n: int) -> np.ndarray:
        return 2 * (special.xlogy(k, k / (n * pooled[fit])) + special.xlogy(n - k, (n - k) / (n * (1 - pooled[fit]))))

    total = float(np.sum(deviance(first[fit], trials) + deviance(second[fit], others)))
    return float(stats.chi2.sf(total, fit.sum())), int(fit.sum())


def test_the_g_test_sees_a_difference() -> None:
    same, shifted = np.array([100, 500, 900]), np.array([130, 560, 930])
    assert g_test(same, 1000, same, 1000)[0] == pytest.approx(1.0)
    p, points = g_test(same, 1000, shifted, 1000)
    exact = sum(stats.chi2_contingency([[a, 1000 - a], [b, 1000 - b]], correction=False, lambda_="log-likelihood")[0] for a, b in zip(same, shifted, strict=True))
    assert points == 3 and p == pytest.approx(stats.chi2.sf(exact, 3), rel=1e-9)


# thermal equilibrium


def test_the_exact_average_agrees_with_its_closed_form() -> None:
    for delta in (1.0, 20.0, 40.0, 500.0, 1e4):
        root = np.sqrt(delta)
        assert transverse_average(delta) == pytest.approx(1 + 1 / (2 * delta) - 1 / (2 * root * special.dawsn(root)), rel=FLOAT64 * 10)
    assert transverse_average(40.0) == pytest.approx(0.02533, abs=5e-6)
    # stiff wells: the bottom's own angle, plus the two Gaussian widths
    b, delta = 0.2, 1e4
    assert transverse_average(delta, (b, 0.0, 0.0)) == pytest.approx(b**2 + (1 - b**2) / (2 * delta * (1 - b**2)) + 1 / (2 * delta), abs=3e-5)
    assert transverse_average(delta, (0.0, 0.0, 1.0)) == pytest.approx(1 / (2 * delta), rel=1e-3)
    with pytest.raises(ParameterError):
        transverse_average(0.0)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("delta", [20.0, 40.0])
def test_equilibrium_is_boltzmanns(params: DeviceParams, precision: str, delta: float) -> None:
    device = params.with_values(magnetic__effective_anisotropy=131.8e3 * delta / 39.987)
    found = Macrospin(device, field=(0.0, 0.0, 0.0), precision=precision).equilibrium(n=600, duration=25e-9, seed=int(delta))
    assert found.delta == pytest.approx(delta, rel=1e-4)
    assert found.standard_error < 0.01 * found.exact
    assert abs(found.deviation) < 3


@pytest.mark.parametrize(("field", "damping"), [((0.03, 0.0, 0.0), 0.05), ((0.02, -0.03, 0.02), 0.3), ((0.0, 0.0, -0.05), 1.0)])
def test_equilibrium_under_a_field_and_at_any_damping(params: DeviceParams, field: tuple[float, float, float], damping: float) -> None:
    device = Macrospin(params.with_values(magnetic__damping=damping), field=field)
    found = device.equilibrium(n=600, duration=20e-9, seed=3)
    assert found.standard_error < 0.01 * found.exact
    assert abs(found.deviation) < 3


def test_equilibrium_of_a_device_whose_state_1_points_down(params: DeviceParams) -> None:
    device = Macrospin(params.with_values(magnetic__in_plane_field=-0.03), field=(0.0, 0.0, 0.06))
    found = device.equilibrium(n=300, duration=10e-9, seed=1)
    bk = float(device.magnet().anisotropy_field)
    assert device.pole == -1 and found.exact == pytest.approx(transverse_average(found.delta, (0.0, 0.0, -0.06 / bk)), rel=1e-9)
    assert found.standard_error < 0.02 * found.exact
    assert abs(found.deviation) < 3


def test_equilibrium_waits_before_it_measures(params: DeviceParams) -> None:
    found = Macrospin(params, field=(0.0, 0.0, 0.0)).equilibrium(n=3000, duration=0.1e-9, seed=5)
    assert 0.01 < found.standard_error / found.exact < 0.03
    assert abs(found.deviation) < 3


def test_a_step_of_half_or_twice_the_default_gives_the_same_equilibrium(params: DeviceParams) -> None:
    for step in (0.5e-12, 2e-12):
        found = Macrospin(params, field=(0.0, 0.0, 0.0), step=step).equilibrium(n=400, duration=15e-9, seed=1)
        assert abs(found.deviation) < 3


# motion without noise


def test_precession_and_damping(params: DeviceParams) -> None:
    """Small tilt: omega = gamma B_k (counter-clockwise around +z), decay alpha gamma B_k, over 1 + alpha^2."""
    for alpha in (0.02, 0.2):
        device = Macrospin(params.with_values(magnetic__damping=alpha), field=(2e-3, 0.0, 0.0), start="pole", noise=False, precision="float64",
                           thermalization=0.0, relaxation=0.3e-9)  # fmt: skip
        bk = float(device.magnet().anisotropy_field)
        for initial in (0, 1):
            m = device.trajectories(0.0, 0.0, n=1, initial=initial).magnetization[0]
            assert np.allclose(np.linalg.norm(m, axis=1), 1.0, rtol=0, atol=1e-14)
            assert np.array_equal(m[0], [0.0, 0.0, 1.0 if initial else -1.0])
            spiral = (m[:, 0] - 2e-3 / bk) + 1j * m[:, 1]
            time = np.arange(m.shape[0]) * 1e-12
            omega = np.polyfit(time, np.unwrap(np.angle(spiral)), 1)[0]
            decay = -np.polyfit(time, np.log(np.abs(spiral)), 1)[0]
            assert omega == pytest.approx((1 if initial else -1) * GAMMA * bk / (1 + alpha**2), rel=HEUN_PHASE)
            assert decay == pytest.approx(alpha * GAMMA * bk / (1 + alpha**2), rel=HEUN_DECAY)


def test_the_resting_angle_under_a_field(params: DeviceParams) -> None:
    device = Macrospin(params, field=(0.06, 0.03, 0.0), start="pole", noise=False, precision="float64", thermalization=0.0, relaxation=12e-9)
    bk = float(device.magnet().anisotropy_field)
    m = device.trajectories(0.0, 0.0, n=1, every=1000).magnetization[0, -1]
    expected = np.array([0.06, 0.03, -np.sqrt(bk**2 - 0.06**2 - 0.03**2)]) / bk
    assert np.allclose(m, expected, rtol=0, atol=1e-6)
    rest = Macrospin(params, field=(0.06, 0.03, 0.0), noise=False, precision="float64", thermalization=0.0, relaxation=1e-10)
    assert np.allclose(rest.trajectories(0.0, 0.0, n=1).magnetization[0], expected, rtol=0, atol=1e-12), "a run without noise starts at rest"


def test_small_torques_tilt_as_they_should(params: DeviceParams) -> None:
    """B_DL (m x y) pulls -mz x, B_FL pulls y: at a small current m = (B_DL, B_FL, ...)/B_k in state 0, (-B_DL, B_FL) in state 1."""
    device = Macrospin(params.with_values(spin_hall__field_like_ratio=0.4), field=(0.0, 0.0, 0.0), noise=False, precision="float64", thermalization=0.0, relaxation=0.0)
    at = device.magnet()
    current = 0.01 * float(at.critical_current)
    for initial, sign in ((0, 1.0), (1, -1.0)):
        m = device.trajectories(current, 12e-9, n=1, every=1000, initial=initial).magnetization[0, -1]
        assert m[0] == pytest.approx(sign * 0.01, rel=SMALL_TILT)
        assert m[1] == pytest.approx(0.4 * 0.01, rel=SMALL_TILT)
    assert at.critical_current == pytest.approx(float(at.anisotropy_field) / (1.054571817e-34 * 0.3 / (2 * 1.602176634e-19 * 1.1e6 * 1e-9 * 60e-9 * 4e-9)), rel=1e-9)


def test_the_threshold_at_zero_temperature_is_half_the_anisotropy_field(params: DeviceParams) -> None:
    """Without a field and at high damping the state follows sin(2 theta) = 2 B_DL/B_k until B_DL = B_k/2."""
    device = Macrospin(params.with_values(magnetic__damping=1.0), field=(0.0, 0.0, 0.0), noise=False, precision="float64", rise=20e-9, thermalization=0.0, relaxation=0.0)
    limit = 0.5 * float(device.magnet().critical_current)
    for share, stays in ((0.98, True), (1.02, False)):
        m = device.trajectories(share * limit, 30e-9, n=1, every=1000, initial=0).magnetization[0, -1]
        if stays:
            assert -2 * m[0] * m[2] == pytest.approx(share, rel=SMALL_TILT) and m[2] < -0.7 and abs(m[1]) < 1e-6
        else:
            assert abs(m[2]) < 0.1, "pulled into the plane"


def test_a_junction_voltage_shifts_the_anisotropy_field(params: DeviceParams) -> None:
    """mx = B_DL/(B_k - 2 xi V/(Ms t t_ox)) at a small current."""
    xi, voltage = 60e-15, 0.8
    device = Macrospin(params, field=(0.0, 0.0, 0.0), noise=False, precision="float64", thermalization=0.0, relaxation=0.0)
    at = device.magnet()
    with_coefficient = DeviceParams.from_dict(_with_coefficient(params, xi))
    shifted = Macrospin(with_coefficient, field=(0.0, 0.0, 0.0), noise=False, precision="float64", thermalization=0.0, relaxation=0.0)
    shift = 2 * xi * voltage / (1.1e6 * 1e-9 * params.value("geometry.barrier_thickness"))
    current = 0.005 * float(at.critical_current)
    for sign in (1, -1):
        m = shifted.trajectories(current, 15e-9, n=1, every=1000, voltage=sign * voltage).magnetization[0, -1]
        assert m[0] == pytest.approx(0.005 * float(at.anisotropy_field) / (float(at.anisotropy_field) - sign * shift), rel=SMALL_TILT)
    # by the resting angle under a field: only while the pulse lasts
    tilted = Macrospin(with_coefficient, field=(2e-3, 0.0, 0.0), noise=False, precision="float64", thermalization=1e-9, relaxation=12e-9)
    seen = tilted.trajectories(0.0, 12e-9, n=1, every=1000, voltage=voltage)
    bk = float(at.anisotropy_field)
    for time, expected in ((-1e-9, 2e-3 / bk), (0.0, 2e-3 / bk), (12e-9, 2e-3 / (bk - shift)), (24e-9, 2e-3 / bk)):
        m = seen.magnetization[0, int(np.argmin(np.abs(seen.time - time)))]
        assert m[0] == pytest.approx(expected, rel=SMALL_TILT)


def _with_coefficient(params: DeviceParams, value: float) -> dict[str, object]:
    data: dict[str, object] = {"schema": "spinbnn.device/1", "name": "vcma"}
    for key, quantity in params.quantities.items():
        group, name = key.split(".")
        text = f"{quantity.value!r} {quantity.unit}" if quantity.unit != "1" else quantity.value
        data.setdefault(group, {})[name] = {"value": text, "source": "assumed"}  # type: ignore[index]
    data["magnetic"]["vcma_coefficient"] = {"value": f"{value!r} J/(V m)", "source": "assumed"}  # type: ignore[index]
    return data


# switching


def test_signs_of_current_and_field_decide(params: DeviceParams) -> None:
    current = 250e-6  # p = 0.995 after 10 ns; 4 ns do for a clear majority
    for in_file, field in ((0.03, None), (-0.03, None), (0.03, (-0.03, 0.0, 0.0)), (-0.03, (0.03, 0.0, 0.0))):
        device = Macrospin(params.with_values(magnetic__in_plane_field=in_file), field=field)
        own = field is None
        assert (device.switching_probability(current, 4e-9, n=100) > 0.8) == own
        assert (device.switching_probability(-current, 4e-9, n=100) > 0.8) != own
        assert (device.switching_probability(-current, 4e-9, n=100, initial=1) > 0.8) == own
        assert (device.switching_probability(current, 4e-9, n=100, initial=1) < 0.2) == own


def test_without_a_symmetry_breaking_field_half_of_the_bits_fall_each_way(params: DeviceParams) -> None:
    device = Macrospin(params, field=(0.0, 0.0, 0.0))
    threshold = 0.5 * float(device.magnet().critical_current)
    counts = device.switching(np.array([1.2, 2.0]) * threshold, 3e-9, n=3000, seed=2)
    assert (np.abs(counts.probability - 0.5) < STANDARD_ERRORS * 0.5 / np.sqrt(3000)).all()


@pytest.fixture(scope="module")
def bench_counts(params: DeviceParams) -> np.ndarray:
    device = Macrospin(params, start="pole", thermalization=1e-9, relaxation=2e-9)
    return device.switching(CURRENTS, 10e-9, n=2000, seed=1).switched


@pytest.mark.parametrize("name", COLUMNS)
def test_probabilities_are_those_of_independent_programs(bench_counts: np.ndarray, name: str) -> None:
    trials, column = COLUMNS[name]
    p, points = g_test(bench_counts, 2000, np.round(np.array(column) * trials), trials)
    assert points >= 7 and p > 0.01
    warmer = np.concatenate([bench_counts[1:], bench_counts[-1:]])  # one point to the left: the test can fail
    assert g_test(warmer, 2000, np.round(np.array(column) * trials), trials)[0] < 1e-9


@pytest.mark.slow
@pytest.mark.skipif(find_spec("cmtj") is None, reason="cmtj is not installed (pip install cmtj)")
@pytest.mark.skipif(not BENCHMARK.is_file(), reason="the benchmarks are part of the repository, not of the sdist")
def test_probabilities_are_those_of_cmtj(params: DeviceParams) -> None:
    run = runpy.run_path(str(BENCHMARK))["cmtj_final_mz"]
    chosen, n, own = [1, 2, 3, 4, 5, 8, 10], 2000, 8000
    seeds = stream(0, "cmtj").integers(1, 2**31 - 1, (len(chosen), n)).tolist()
    theirs = np.array([sum(run(params, CURRENTS[i], 10e-9, seed) > 0 for seed in row) for i, row in zip(chosen, seeds, strict=True)])
    ours = Macrospin(params, start="pole", thermalization=1e-9, relaxation=2e-9).switching(CURRENTS[chosen], 10e-9, n=own, seed=3).switched
    p, points = g_test(ours, own, theirs, n)
    assert points == len(chosen) and p > 0.01


def test_equilibrium_start_is_what_a_long_wait_gives(params: DeviceParams) -> None:
    """1 ns after a start on the easy axis is too early: p = 0.327 instead of 0.354 here."""
    current, n = 197.8e-6, 3000
    thermal = Macrospin(params).switching(current, 10e-9, n=n, seed=1).switched
    waited = Macrospin(params, start="pole", thermalization=5e-9).switching(current, 10e-9, n=n, seed=2).switched
    assert g_test(np.array([thermal]), n, np.array([waited]), n)[0] > 0.01
    assert abs(thermal / n - 0.354) < STANDARD_ERRORS * 0.5 / np.sqrt(n)


def test_the_step_does_not_show(params: DeviceParams) -> None:
    current, n = np.array([188e-6, 203e-6]), 2000
    counts = [Macrospin(params, step=step).switching(current, 10e-9, n=n, seed=seed).switched for seed, step in enumerate((0.5e-12, 1e-12, 2e-12))]
    assert g_test(counts[0], n, counts[1], n)[0] > 0.01
    assert g_test(counts[1], n, counts[2], n)[0] > 0.01


def test_a_slow_fall_prevents_switching_back(params: DeviceParams) -> None:
    """3 ns flat, then a linear fall: the table of the facts, written with another program."""
    n, other = 1500, 600
    facts = {0.5e-9: [0.73, 0.58, 0.49], 2e-9: [0.94, 0.86, 0.83]}
    current = np.array([1.0, 1.2, 1.6]) * 263.8e-6
    square = Macrospin(params, start="pole", thermalization=1e-9, relaxation=2e-9).switching(current, 3e-9, n=n, seed=1).probability
    assert np.abs(square - [0.57, 0.46, 0.44]).max() < STANDARD_ERRORS * 0.5 * np.sqrt(1 / n + 1 / other)
    for fall, column in facts.items():
        device = Macrospin(params, start="pole", thermalization=1e-9, relaxation=2e-9, fall=fall)
        p = device.switching(current, 3e-9 + fall / 2, n=n, seed=1).probability
        assert np.abs(p - column).max() < STANDARD_ERRORS * np.sqrt(0.25 * (1 / n + 1 / other))
        assert (p > square).all()


def test_packed_instructions_are_in_use() -> None:
    """The compiled engine is fast because its loops run on vectors; that is easily lost without a sound."""
    pytest.importorskip("numba")
    import platform

    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the names of the instructions are those of x86-64")
    from spinbnn.device.macrospin import compiled

    word, real, vector = np.zeros(64, np.uint32), np.zeros(64, np.float32), np.ones((6, 64), np.float32)
    compiled._transform(word, word, real, real.copy())
    compiled._step(*vector, *(np.float32(0.01),) * 5, np.full(6, 0.5, np.float32))
    for loop in (compiled._transform, compiled._step):
        texts = loop.inspect_asm().values()  # one for each precision that this process has compiled
        assert any("sqrtps" in text for text in texts), "square roots of four or more floats at a time"
