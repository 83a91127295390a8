"""Macrospin: arguments, reproducibility, bookkeeping of pulse, states and results."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import constants, stats
from tolerances import TWO_ROUTES

from spinbnn.device import DeviceParams
from spinbnn.device.macrospin import Macrospin, SwitchingCounts
from spinbnn.device.macrospin.pulse import step_means
from spinbnn.device.parameters import Quantity
from spinbnn.errors import MissingToolError, ParameterError

I_HALF = 202e-6  # about p = 0.5 for 10 ns


@pytest.fixture(scope="module")
def params() -> DeviceParams:
    return DeviceParams.load("bench_pmtj40")


@pytest.fixture(scope="module")
def short(params: DeviceParams) -> Macrospin:
    """A run of a few hundred steps."""
    return Macrospin(params, thermalization=0.05e-9, relaxation=0.3e-9)


def test_a_trajectory_depends_on_its_own_name_only(params: DeviceParams, short: Macrospin) -> None:
    current, pulse = np.array([230e-6, 300e-6, 400e-6]), np.array([[0.4e-9], [0.7e-9]])
    whole = short.switching(current, pulse, n=70, seed=4)
    assert whole.final_mz.shape == (2, 3, 70) and whole.switched.shape == (2, 3)
    assert 0 < whole.switched.sum() < whole.final_mz.size
    one = short.switching(300e-6, 0.7e-9, n=20, seed=4)
    assert np.array_equal(one.final_mz, whole.final_mz[1, 1, :20]), "neither n nor the other points matter"
    later = short.switching(300e-6, 0.7e-9, n=50, seed=4, first=20)
    assert np.array_equal(later.final_mz, whole.final_mz[1, 1, 20:]), "a run can be extended"
    turned = short.switching(current[::-1], pulse, n=70, seed=4)
    assert np.array_equal(turned.final_mz, whole.final_mz[:, ::-1]), "order of the points"
    two = Macrospin(params, thermalization=0.05e-9, relaxation=0.3e-9, workers=2).switching(current, pulse, n=70, seed=4)
    assert np.array_equal(two.final_mz, whole.final_mz), "workers"
    assert not np.array_equal(short.switching(300e-6, 0.7e-9, n=20, seed=5).final_mz, one.final_mz), "the seed matters"


def test_points_have_independent_streams(params: DeviceParams) -> None:
    coefficient = Quantity(key="magnetic.vcma_coefficient", value=0.0, source="definition")
    short = Macrospin(replace(params, quantities={**params.quantities, coefficient.key: coefficient}), thermalization=0.05e-9, relaxation=0.3e-9)
    base = {"current": 0.0, "pulse": 0.3e-9, "temperature": 300.0, "voltage": 0.0, "initial": 0, "seed": 1}
    first, key = short.switching(n=400, **base).final_mz, short._point(**base).key
    for other in ({"current": 1e-30}, {"pulse": 0.3000001e-9}, {"temperature": 300.00001}, {"voltage": 0.1}, {"initial": 1}, {"seed": 2}):
        second = short.switching(n=400, **(base | other)).final_mz
        assert abs(np.corrcoef(np.abs(first), np.abs(second))[0, 1]) < 4.5 / np.sqrt(400), other
        assert not np.array_equal(short._point(**(base | other)).key, key), other
    assert np.array_equal(short.switching(n=400, **(base | {"current": -0.0})).final_mz, first)


def test_tasks_do_not_show(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.device.macrospin import model

    device = Macrospin(params, thermalization=0.0, relaxation=0.02e-9, workers=2)
    whole = device.switching([1e-4, 2e-4], 0.03e-9, n=100).final_mz
    monkeypatch.setattr(model, "LANES", 7)
    assert np.array_equal(device.switching([1e-4, 2e-4], 0.03e-9, n=100).final_mz, whole)


def test_engines_and_precisions_agree(params: DeviceParams) -> None:
    found = {}
    for precision in ("float32", "float64"):
        engines = {}
        for engine in ("numba", "numpy"):
            if engine == "numba":
                pytest.importorskip("numba")
            device = Macrospin(params, precision=precision, engine=engine, thermalization=0.05e-9, relaxation=0.1e-9)
            engines[engine] = device.switching([260e-6, 350e-6], 0.4e-9, n=300, seed=2).final_mz
        assert np.array_equal(engines["numba"], engines["numpy"]) and engines["numpy"].dtype == precision
        found[precision] = engines["numpy"]
    assert np.median(np.abs(found["float32"] - found["float64"])) < 1e-5, "the same noise in both precisions"


def test_recorded_trajectories_are_the_counted_ones(short: Macrospin) -> None:
    counted = short.switching(300e-6, 0.4e-9, n=30, seed=9, first=5).final_mz
    for every in (1, 7, 10_000):
        seen = short.trajectories(300e-6, 0.4e-9, n=30, seed=9, first=5, every=every)
        assert np.array_equal(seen.magnetization[:, -1, 2], counted)
        assert np.allclose(np.linalg.norm(seen.magnetization, axis=2), 1.0, atol=1e-6)
    fine, coarse = short.trajectories(300e-6, 0.4e-9, n=3, every=1), short.trajectories(300e-6, 0.4e-9, n=3, every=7)
    assert np.array_equal(coarse.magnetization[:, :-1], fine.magnetization[:, :-1:7])
    assert np.allclose([fine.time[0], fine.time[-1]], [-0.05e-9, 0.7e-9], rtol=1e-9)
    on = (fine.time > -0.5e-12) & (fine.time < 0.3995e-9)
    assert np.allclose(fine.drive, np.where(on, 300e-6, 0.0), atol=1e-15)


def test_the_pulse_keeps_its_charge_and_place() -> None:
    for pulse, rise, fall in ((10e-12, 0.0, 0.0), (7.3e-12, 0.0, 0.0), (0.4e-12, 0.0, 0.0), (20.25e-12, 3.3e-12, 11e-12), (6e-12, 2e-12, 10e-12)):
        shape = step_means(5e-12, pulse, rise, fall, 1e-12, 60)
        assert np.isclose(shape.sum() * 1e-12, pulse, rtol=1e-12)
        assert (shape >= 0).all() and shape[:5].max() < 1e-13 and shape[int(np.ceil(5 + (pulse + 0.5 * (rise + fall)) * 1e12 + 1e-9)) :].max() < 1e-13
    assert np.allclose(step_means(0.0, 4e-12, 2e-12, 4e-12, 1e-12, 8), [0.25, 0.75, 1.0, 0.875, 0.625, 0.375, 0.125, 0.0], rtol=0, atol=1e-12)


def test_the_run_is_long_enough_for_its_ramps(params: DeviceParams) -> None:
    device = Macrospin(params, rise=10e-12, fall=30e-12, thermalization=3e-12, relaxation=7e-12)
    seen = device.trajectories(1e-4, 50e-12, n=1)
    assert np.isclose(seen.time[-1], 77e-12, rtol=1e-9) and np.isclose(seen.time[0], -3e-12, rtol=1e-9)
    assert np.isclose(seen.drive.sum() * 1e-12, 1e-4 * 50e-12, rtol=1e-9)
    default = Macrospin(params).trajectories(1e-4, 50e-12, n=1)
    time = Macrospin(params).relaxation_time()
    assert time == pytest.approx((1 + 0.05**2) / (0.05 * 1.76086e11 * 0.2396364), rel=1e-5)
    assert abs(default.time[0] + 2 * time) < 1e-12 and abs(default.time[-1] - 50e-12 - 4 * time) < 1.1e-12


def test_counts_become_probabilities_with_intervals() -> None:
    counts = SwitchingCounts(
        current=np.array([1e-4, 2e-4, 3e-4]), pulse=np.full(3, 1e-8), temperature=np.full(3, 300.0), voltage=np.zeros(3),
        initial=0, switched=np.array([0, 30, 100]), trials=100, final_mz=np.zeros((3, 100)), seed=0,
    )  # fmt: skip
    assert counts.probability.tolist() == [0.0, 0.3, 1.0]
    assert counts.standard_error == pytest.approx([0.0, np.sqrt(0.21 / 100), 0.0], rel=1e-12, abs=0)
    for level in (0.95, 0.5):
        low, high = counts.interval(level)
        for k, a, b in zip(counts.switched, low, high, strict=True):
            exact = stats.binomtest(int(k), 100).proportion_ci(level, method="wilson")
            assert (a, b) == pytest.approx((exact.low, exact.high), rel=1e-12, abs=0)
    assert "| 200 | 10 | 300 | 30 | 0.3 |" in counts.table().to_markdown()
    with pytest.raises(ParameterError, match="confidence level"):
        counts.interval(1.0)


def test_states_are_counted_from_the_final_sign(params: DeviceParams) -> None:
    still = Macrospin(params, thermalization=0.0, relaxation=0.1e-9)
    for initial in (0, 1):
        counts = still.switching(0.0, 0.0, n=200, initial=initial)
        assert counts.switched == 0 and counts.initial == initial
        assert (np.sign(counts.final_mz) == (1 if initial else -1)).all()
    mirrored = Macrospin(params.with_values(magnetic__in_plane_field=-0.03), thermalization=0.0, relaxation=0.1e-9)
    assert (mirrored.pole, still.pole) == (-1, 1)
    assert (mirrored.switching(0.0, 0.0, n=50, initial=1).final_mz < 0).all()
    probability = still.switching_probability([0.0, 1e-6], 1e-10, n=10)
    assert isinstance(probability, np.ndarray) and probability.shape == (2,)


def test_a_moment_in_the_plane_counts_as_plus(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.device.macrospin import model

    monkeypatch.setattr(model, "engine", lambda name: lambda state, *arguments: state.fill(0.0))
    assert [int(Macrospin(params).switching(1e-4, 1e-9, n=3, initial=i).switched) for i in (0, 1)] == [3, 0]


@pytest.mark.parametrize("share", ["anisotropy", "field", "torque", "field-like", "voltage", "noise"])
def test_every_field_counts_in_the_largest_turn(params: DeviceParams, share: str) -> None:
    """gamma dt times the sum of |B|, B_k at its largest, |B_DL| with its field-like part, and three standard deviations of noise."""
    xi = Quantity(key="magnetic.vcma_coefficient", value=60e-15, source="definition")
    device = Macrospin(replace(params, quantities={**params.quantities, xi.key: xi}), field=(0.0, 0.0, 0.0), noise=False, step=50e-12)
    at, current, voltage = device.magnet(), 0.0, 0.0
    expected = float(at.anisotropy_field)
    if share == "field":
        device, expected = replace(device, field=(0.03, -0.04, -0.05)), expected + 0.1
    if share in ("torque", "field-like"):
        ratio = 0.75 if share == "field-like" else 0.0
        device, current = replace(device, params=device.params.with_values(spin_hall__field_like_ratio=ratio)), -3e-4
        expected += 3e-4 * float(at.sot_field_per_ampere) * (1.25 if ratio else 1.0)
    if share == "voltage":
        voltage = -2.0  # raises the anisotropy
        expected += 2 * 60e-15 * 2.0 / (1.1e6 * 1e-9 * params.value("geometry.barrier_thickness"))
    if share == "noise":
        device = replace(device, noise=True)
        expected += 3 * np.sqrt(2 * 0.05 * constants.k * 300.0 / (1.76085963e11 * 1.1e6 * float(at.volume) * 50e-12))
    with pytest.raises(ParameterError) as caught:
        device.check(current, 1e-9, voltage=voltage)
    assert f"by up to {1.76085963e11 * 50e-12 * expected:.2f} rad" in str(caught.value)
    longest = 0.5 / (1.76085963e11 * expected)
    if share != "noise":  # whose field grows as the step falls
        replace(device, step=0.999 * longest).check(current, 1e-9, voltage=voltage)
        with pytest.raises(ParameterError, match="rad in one step"):
            replace(device, step=1.001 * longest).check(current, 1e-9, voltage=voltage)


def test_the_magnet_follows_the_temperature(params: DeviceParams) -> None:
    """A file written at 350 K gives the trajectories that the laws of temperature give."""
    warm = Macrospin(params, precision="float64", relaxation=0.5e-9)
    at = warm.magnet(350.0)
    assert at.saturation_magnetization < 1.09e6
    fixed = params.with_values(
        magnetic__saturation_magnetization=float(at.saturation_magnetization), magnetic__effective_anisotropy=float(at.effective_anisotropy),
        thermal__reference_temperature=350.0,
    )  # fmt: skip
    other = Macrospin(fixed, precision="float64", thermalization=warm.thermalization, relaxation=0.5e-9)
    left, right = (device.switching(220e-6, 1e-9, n=200, temperature=350.0).final_mz for device in (warm, other))
    assert np.median(np.abs(left - right)) < TWO_ROUTES
    assert not np.allclose(left, warm.switching(220e-6, 1e-9, n=200, temperature=300.0).final_mz, atol=1e-3)


def test_the_thermal_field_has_the_size_of_the_theorem(params: DeviceParams) -> None:
    """One step from the pole without fields: the transverse kick has the variance of 2 alpha kT/(gamma Ms V dt)."""
    free = params.with_values(magnetic__effective_anisotropy=1.0)
    device = Macrospin(free, field=(0.0, 0.0, 0.0), start="pole", thermalization=0.0, relaxation=1e-12, precision="float64")
    m = device.trajectories(0.0, 0.0, n=40_000).magnetization[:, -1, :2]
    alpha, gamma, moment = 0.05, 1.76085963e11, 1.1e6 * np.pi / 4 * 40e-9**2 * 1e-9
    variance = 2 * alpha * constants.k * 300.0 / (gamma * moment * 1e-12) * (gamma * 1e-12) ** 2 / (1 + alpha**2)
    assert np.abs((m**2).mean(axis=0) / variance - 1).max() < 4.5 * np.sqrt(2 / 40_000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 0.0}, ["step"]),
        ({"step": 20e-12}, ["rad in one step", "use a step of at most"]),
        ({"rise": -1e-12}, ["rise"]),
        ({"relaxation": np.nan}, ["relaxation"]),
        ({"workers": 0}, ["workers"]),
        ({"precision": "float16"}, ["unknown precision", "float32"]),
        ({"engine": "numbs"}, ["did you mean 'numba'"]),
        ({"start": "top"}, ["unknown start"]),
        ({"field": (0.1, 0.0)}, ["three finite components"]),
        ({"field": 0.03}, ["three finite components"]),
        ({"field": np.zeros((3, 1))}, ["three finite components"]),
        ({"field": ("x", 0, 0)}, ["three finite components"]),
        ({"step": "1 ps"}, ["Macrospin, step", "> 0"]),
        ({"step": 1e-22}, ["at most 100,000,000 time steps"]),
        ({"rise": None}, ["Macrospin, rise"]),
        ({"relaxation": 1e300}, ["time steps"]),
        ({"field": (0.3, 0.0, 0.0)}, ["no stable state"]),
    ],
)
def test_bad_settings_are_refused(params: DeviceParams, change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        Macrospin(params, **change).switching(1e-4, 1e-9, n=2)
    assert all(word in str(caught.value) for word in (*words, "remedy"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 0}, ["n", "integer >= 1"]),
        ({"n": 2.5}, ["integer"]),
        ({"pulse": -1e-9}, ["pulse"]),
        ({"pulse": 0.1e-9}, ["(rise + fall)/2"]),
        ({"current": np.nan}, ["current"]),
        ({"current": [1e-4, np.inf]}, ["current"]),
        ({"temperature": -3.0}, ["0 K"]),
        ({"temperature": 1200.0}, ["Curie"]),
        ({"initial": 2}, ["initial state"]),
        ({"voltage": 0.5}, ["vcma_coefficient"]),
        ({"seed": -1}, ["seed"]),
        ({"first": -1}, ["first"]),
        ({"first": 2**64}, ["first"]),
        ({"pulse": 10.0}, ["at most 100,000,000 time steps", "in seconds"]),
        ({"current": [1e-4, 2e-4], "pulse": [1e-9] * 3}, ["do not broadcast", "(3,)"]),
        ({"current": "1 mA"}, ["numbers are needed", "Macrospin, current"]),
    ],
)
def test_bad_arguments_are_refused(params: DeviceParams, change: dict[str, Any], words: list[str]) -> None:
    device = Macrospin(params, fall=0.5e-9)
    with pytest.raises(ParameterError) as caught:
        device.switching(**({"current": 1e-4, "pulse": 1e-9, "n": 2} | change))
    assert all(word in str(caught.value) for word in (*words, "remedy"))
    if not {"n", "seed", "first"} & set(change):
        with pytest.raises(ParameterError) as checked:
            device.check(**({"current": 1e-4, "pulse": 1e-9} | change))
        assert str(checked.value) == str(caught.value)


def test_everything_is_refused_before_anything_runs(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.device.macrospin import model

    monkeypatch.setattr(model.Macrospin, "_start", lambda *a: pytest.fail("a trajectory was started"))
    device = Macrospin(params)
    with pytest.raises(ParameterError, match="pulse"):
        device.switching(1e-4, [1e-9, 1e-9, -1e-9], n=2)
    device.check([1e-4, 2e-4], [[1e-9], [2e-9]], 310.0, initial=1)
    with pytest.raises(ParameterError, match="one point only"):
        device.trajectories([1e-4, 2e-4], 1e-9)  # type: ignore[arg-type]
    assert Macrospin(params, field=np.array([0.01, 0, 0])) == Macrospin(params, field=(0.01, 0.0, 0.0))  # type: ignore[arg-type]


def test_points_and_trajectories_share_one_working_set(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only final_mz grows with n and with the points; the drives of the points are not held together."""
    from spinbnn.device.macrospin import model

    monkeypatch.setattr(model, "engine", lambda name: lambda *arguments: None)
    device = Macrospin(params, thermalization=0.0, relaxation=0.0)
    peak = []
    for points, n in ((2, 1), (60, 1), (2, 200_000)):
        tracemalloc.start()
        device.switching(np.linspace(1e-4, 2e-4, points), 4e-9 if n == 1 else 4e-12, n=n)
        peak.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peak[1] < 1.3 * peak[0]
    assert peak[2] < 2 * 200_000 * 4 + 2e6


def test_a_voltage_stands_in_the_table() -> None:
    counts = SwitchingCounts(
        current=np.array([1e-4, 1e-4]), pulse=np.full(2, 1e-8), temperature=np.full(2, 300.0), voltage=np.array([0.0, 0.5]),
        initial=0, switched=np.array([0, 30]), trials=100, final_mz=np.zeros((2, 100)), seed=0,
    )  # fmt: skip
    assert "| 100 | 10 | 300 | 0.5 | 30 | 0.3 |" in counts.table().to_markdown()


@pytest.mark.parametrize("key", ["magnetic.damping", "geometry.track_width", "spin_hall.efficiency", "magnetic.saturation_magnetization"])
def test_a_file_without_a_magnet_is_refused(params: DeviceParams, key: str) -> None:
    bare = replace(params, quantities={k: q for k, q in params.quantities.items() if k != key})
    with pytest.raises(ParameterError, match="does not give this field") as caught:
        Macrospin(bare).switching(1e-4, 1e-9, n=1)
    assert key in str(caught.value)


def test_numba_is_optional_and_loaded_late(params: DeviceParams, monkeypatch: pytest.MonkeyPatch) -> None:
    from spinbnn.device.macrospin import plain
    from spinbnn.device.macrospin.engines import engine

    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from spinbnn.device import DeviceParams\n"
        "from spinbnn.device.macrospin import Macrospin\n"
        "params = DeviceParams.load('bench_pmtj40')\n"
        "device = Macrospin(params, thermalization=0.0, relaxation=1e-11)\n"
        "print(float(device.switching(2e-4, 1e-11, n=3, seed=8).final_mz[2]).hex())\n"
        "try: Macrospin(params, engine='numba').switching(2e-4, 1e-11, n=1)\n"
        "except Exception as error: print(type(error).__name__, error.remedy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = Macrospin(params, thermalization=0.0, relaxation=1e-11).switching(2e-4, 1e-11, n=3, seed=8).final_mz[2]
    lines = done.stdout.splitlines()
    assert lines[0] == float(here).hex(), "the same bits with and without numba"
    assert done.stderr == "", "numba is optional: its absence is nothing to warn of"
    assert lines[1].startswith(MissingToolError.__name__) and "spinbnn[fast]" in lines[1]
    assert engine("numpy") is plain.advance
    late = subprocess.run([sys.executable, "-c", "import sys, spinbnn.device.macrospin; print('numba' in sys.modules)"], capture_output=True, text=True, check=True)
    assert late.stdout.strip() == "False"


def test_a_numba_that_cannot_be_imported_is_said(params: DeviceParams) -> None:
    """numba refuses a numpy that it does not know with an ImportError; the numbers are the same, and the loss is no secret."""
    code = (
        "import sys, types, warnings\n"
        "class Refuses:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'numba': raise ImportError('Numba needs NumPy 2.3 or less', name='numba')\n"
        "sys.meta_path.insert(0, Refuses())\n"
        "from spinbnn.device import DeviceParams\n"
        "from spinbnn.device.macrospin import Macrospin\n"
        "params = DeviceParams.load('bench_pmtj40')\n"
        "with warnings.catch_warnings(record=True) as seen:\n"
        "    warnings.simplefilter('always')\n"
        "    Macrospin(params, thermalization=0.0, relaxation=1e-11).switching(2e-4, 1e-11, n=3)\n"
        "print([w.category.__name__ + ': ' + str(w.message) for w in seen])\n"
        "try: Macrospin(params, engine='numba').switching(2e-4, 1e-11, n=1)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()[:2]
    assert "RuntimeWarning" in first and "NumPy 2.3" in first and "the same numbers" in first
    assert second.startswith(MissingToolError.__name__) and "NumPy 2.3" in second


def test_an_installation_without_a_place_for_the_cache_works(monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    from spinbnn.device.macrospin import compiled

    asked, real = [], numba.njit

    def njit(*args: Any, **options: Any) -> Any:
        asked.append(options.get("cache", False))
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*args, **options)

    monkeypatch.setattr(numba, "njit", njit)
    assert callable(compiled._build("another")) and asked == [True, False]
