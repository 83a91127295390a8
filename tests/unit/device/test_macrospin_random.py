"""Random numbers and engines of the macrospin: real normals, counted streams, the same bits from both engines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from tolerances import NORMAL_FLOAT32, STANDARD_ERRORS

from spinbnn.device.macrospin import boltzmann, plain
from spinbnn.device.macrospin.formulas import BLOCKS, STEPS, box_muller
from spinbnn.rng import sequence

KEY = sequence(20, "test").generate_state(2, np.uint64)


@pytest.fixture(scope="module")
def normals() -> np.ndarray:
    """3.8 million normals: (group, row, lane)."""
    return np.stack([plain.thermal_normals(KEY, 0, 2000, group) for group in range(80)])


def test_philox_gives_the_published_words() -> None:
    pytest.importorskip("numba")
    from spinbnn.device.macrospin.compiled import philox

    # known answers of Random123 (philox4x64, 10 rounds, counter and key 0)
    assert [int(w) for w in philox(*(np.uint64(0),) * 4)] == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]


def test_box_muller_is_accurate_everywhere() -> None:
    words = np.concatenate([np.random.default_rng(1).integers(0, 2**32, 400_000), [0, 1, 2, 3, 2**32 - 1, 2**32 - 2, 2**31, 2**30, 3 * 2**30, 2**29, 2**29 - 1]])
    a, b = words.astype(np.uint32), np.random.default_rng(2).permutation(words).astype(np.uint32)
    u, phi = ((a >> 1).astype(float) + 0.5) * 2.0**-31, b.astype(float) * (2.0 * np.pi / 2.0**32)
    r = np.sqrt(-2.0 * np.log(u))
    assert r.max() > 6.66 and r.min() < 3e-5
    for found, exact in zip(box_muller(a, b), (r * np.cos(phi), r * np.sin(phi)), strict=True):
        assert found.dtype == np.float32
        assert (np.abs(found - exact) <= NORMAL_FLOAT32 * r).all()


def test_moments_are_those_of_a_normal(normals: np.ndarray) -> None:
    z = normals.astype(float).ravel()
    double_factorial = {2: 1, 4: 3, 6: 15, 8: 105}
    power = np.ones_like(z)
    for order in range(1, 9):
        power *= z
        exact = double_factorial.get(order, 0)
        variance = np.prod(np.arange(2 * order - 1, 0, -2, dtype=float)) - exact**2
        assert abs(power.mean() - exact) < STANDARD_ERRORS * np.sqrt(variance / z.size), order


def test_the_law_is_normal_into_the_tails(normals: np.ndarray) -> None:
    z = normals.ravel()
    edges = stats.norm.ppf(np.linspace(0, 1, 1001)[1:-1])
    counts = np.bincount(np.searchsorted(edges, z), minlength=1000)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.kstest(z[::40].astype(float), "norm").pvalue > 1e-3
    for limit in (3.0, 4.0, 4.5):
        for found in (np.count_nonzero(z > limit), np.count_nonzero(z < -limit)):
            expected = z.size * stats.norm.sf(limit)
            assert abs(found - expected) < STANDARD_ERRORS * np.sqrt(expected) + 1, limit
    assert np.abs(z).max() > 4.8


def test_normals_have_the_full_resolution_of_float32(normals: np.ndarray) -> None:
    z = normals.ravel()
    near = z[(z >= 1.0) & (z < 2.0)]  # all in one binade: steps of 2^-23
    last_bits = np.bincount((near.view(np.uint32) & 0xFF).astype(int), minlength=256)
    assert stats.chisquare(last_bits).pvalue > 1e-3


def test_lanes_steps_and_axes_are_independent(normals: np.ndarray) -> None:
    z = normals.astype(float)  # (group, row, lane)
    limit = 4.5 / np.sqrt(z[:-1, 0].size)
    for power in (1, 2):
        w = z**power - (power == 2)
        w /= w.std()
        rows = np.einsum("gal,gbl->ab", w, w) / w[:, 0].size
        assert np.abs(rows - np.diag(np.diag(rows))).max() < limit, "rows of a group"
        assert np.abs(np.einsum("gal,gbl->ab", w[1:], w[:-1]) / w[1:, 0].size).max() < limit, "a group and the one before"
        for shift in (1, 2, 1000):
            assert abs(np.mean(w[:, :, shift:] * w[:, :, :-shift])) < 4.5 / np.sqrt(w[:, :, shift:].size), "lanes"
    other = plain.thermal_normals(KEY + np.uint64(1), 0, 2000, 0)
    assert abs(np.corrcoef(other.ravel(), normals[0].ravel())[0, 1]) < 4.5 / np.sqrt(other.size)


def test_each_lane_has_its_own_stream() -> None:
    whole = plain.thermal_normals(KEY, 0, 50, 7)
    assert whole.shape == (3 * STEPS, 50) == (8 * BLOCKS, 50)
    assert np.array_equal(plain.thermal_normals(KEY, 31, 4, 7), whole[:, 31:35])
    assert not np.array_equal(plain.thermal_normals(KEY, 0, 50, 8), whole)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(("count", "lane", "start", "stop"), [(1, 0, 0, 8), (300, 0, 0, 41), (257, 1000, 5, 30), (7, 3, 8, 9), (3, 0, 4, 4)])
def test_both_engines_give_the_same_bits(precision: str, count: int, lane: int, start: int, stop: int) -> None:
    pytest.importorskip("numba")
    from spinbnn.device.macrospin import compiled

    draw = np.random.default_rng(count)
    state = draw.standard_normal((3, count))
    state = (state / np.sqrt((state**2).sum(axis=0))).astype(precision)
    drive = draw.uniform(-0.1, 0.1, (3, 41)).astype(precision)
    constants = np.array([0.02, -0.01, 0.05, 0.1, 0.5, 1.0], precision)
    left, right = state.copy(), state.copy()
    plain.advance(left, drive, constants, KEY, lane, start, stop)
    compiled.advance(right, drive, constants, KEY, lane, start, stop)
    assert np.array_equal(left, right)
    assert np.array_equal(left, state) == (start == stop)


def test_a_run_can_be_cut_anywhere() -> None:
    drive, constants = np.full((3, 40), 0.05), np.array([0.02, -0.01, 0.05, 0.1, 0.5, 1.0])
    whole = np.repeat([[0.0], [0.6], [0.8]], 5, axis=1)
    parts = whole.copy()
    plain.advance(whole, drive, constants, KEY, 0, 0, 40)
    for start, stop in ((0, 3), (3, 4), (4, 21), (21, 40)):
        plain.advance(parts, drive, constants, KEY, 0, start, stop)
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("delta", [2.0, 5.0, 40.0])
def test_starting_points_are_in_equilibrium(delta: float) -> None:
    n = 200_000
    start = boltzmann.draw_start(delta, np.array([0.0, 0.0, 1.0]), KEY, 0, n)
    side = 1.0 - start[2] ** 2
    assert np.allclose((start**2).sum(axis=0), 1.0, rtol=1e-12)
    assert abs(side.mean() - boltzmann.transverse_average(delta)) < STANDARD_ERRORS * side.std() / np.sqrt(n)
    assert start[2].min() > 0
    phi = np.arctan2(start[1], start[0])
    assert stats.kstest(phi, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert np.array_equal(boltzmann.draw_start(delta, np.array([0.0, 0.0, 1.0]), KEY, 70, 3), start[:, 70:73])


def test_starting_points_and_the_thermal_field_are_independent() -> None:
    n = 20_000
    start, z = boltzmann.draw_start(40.0, np.array([0.0, 0.0, 1.0]), KEY, 0, n), plain.thermal_normals(KEY, 0, n, 0).astype(float)
    names = [np.argsort(np.argsort(start[2])) / n, np.arctan2(start[1], start[0]) / (2 * np.pi) % 1.0]
    turns = np.arctan2(z[4 * BLOCKS :], z[: 4 * BLOCKS]) / (2 * np.pi) % 1.0
    radii = np.hypot(z[4 * BLOCKS :], z[: 4 * BLOCKS])
    for a in names:
        for b in (*turns, *radii):
            assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(n)


def test_starting_points_follow_the_bottom_of_the_well() -> None:
    for pole in (1, -1):
        bottom = boltzmann.well_bottom((0.3, -0.2, 0.0), pole)
        assert np.allclose(bottom, [0.3, -0.2, pole * np.sqrt(1 - 0.13)], rtol=1e-9, atol=0)
        mean = boltzmann.draw_start(400.0, bottom, KEY, 0, 20_000).mean(axis=1)
        assert np.allclose(mean / np.linalg.norm(mean), bottom, atol=1e-3, rtol=0)
