"""The Markov chain of a module's bits: its laws by brute force, its estimators on known answers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from spinbnn.device import DeviceParams, SwitchingModel
from spinbnn.device.bits import (
    BitStream,
    bit_statistics,
    effective_samples,
    markov_bits,
    samples_for_bias,
    samples_for_correlation,
)
from spinbnn.errors import ParameterError
from spinbnn.hardware.chip import stationary
from spinbnn.rng import stream

CHAINS = [(0.5, 0.525), (0.2, 0.9), (0.9, 0.3), (0.05, 0.05), (0.0, 0.4), (0.6, 1.0)]


def sequences(a: float, b: float, length: int) -> dict[tuple[int, ...], float]:
    """Return the probability of every sequence, started in the stationary state, step by step."""
    one = a / (1 - b + a)
    out = {}
    for bits in itertools.product((0, 1), repeat=length):
        p = one if bits[0] else 1 - one
        for before, after in itertools.pairwise(bits):
            up = b if before else a
            p *= up if after else 1 - up
        out[bits] = p
    return out


@pytest.mark.parametrize(("a", "b"), CHAINS)
def test_laws_of_the_chain_by_enumeration(a: float, b: float) -> None:
    chain, all_of = BitStream(a=a, b=b), sequences(a, b, 7)
    assert sum(all_of.values()) == pytest.approx(1, rel=1e-12)
    mean = [sum(p * s[i] for s, p in all_of.items()) for i in range(7)]
    assert mean == pytest.approx([float(chain.probability)] * 7, rel=1e-9), "stationary"
    q = float(chain.probability)
    if 0 < q < 1:
        for lag in (1, 2, 5):
            joint = sum(p * s[0] * s[lag] for s, p in all_of.items())
            assert (joint - q * q) / (q * (1 - q)) == pytest.approx(float(chain.autocorrelation([lag])[0]), abs=1e-9)
    entropies = [-sum(p * math.log2(p) for p in sequences(a, b, n).values() if p > 0) for n in (6, 7)]
    assert entropies[1] - entropies[0] == pytest.approx(float(chain.entropy_rate), abs=1e-9)
    for n in (1, 2, 7):
        assert float(chain.min_entropy(n)) == pytest.approx(-math.log2(max(sequences(a, b, n).values())) / n, abs=1e-12)
    assert float(chain.min_entropy(4000)) == pytest.approx(float(chain.min_entropy()), abs=2e-3)
    spread = sum(p * (sum(s) / 7 - q) ** 2 for s, p in all_of.items())
    assert float(chain.standard_errors(7)[0]) == pytest.approx(math.sqrt(spread), rel=1e-9, abs=1e-12)
    assert float(chain.min_entropy()) <= float(chain.entropy_rate) + 1e-12


def test_a_failing_reset_biases_and_correlates() -> None:
    for p, failure in ((0.5, 0.012), (0.5, 0.05), (0.2, 0.3)):
        chain = BitStream.from_set_reset(p, failure)
        assert float(chain.probability) == pytest.approx(p / (1 - failure * (1 - p)), rel=1e-12)
        assert float(chain.correlation) == pytest.approx(failure * (1 - p), rel=1e-12)
        assert float(chain.reset_failure) == pytest.approx(failure, rel=1e-12)
        assert float(chain.a) == p, "after a 0 the module is reset already"
    assert float(BitStream.from_set_reset(0.5, 0.012).probability) == pytest.approx(0.503, abs=5e-4)
    assert np.isnan(BitStream(a=1.0, b=0.5).reset_failure)


def test_matrix_and_shared_definitions() -> None:
    chain = BitStream(a=[0.2, 0.9], b=[0.7, 0.3])
    matrix = chain.transition_matrix
    assert matrix.shape == (2, 2, 2) and matrix.sum(axis=-1) == pytest.approx(np.ones((2, 2)))
    assert matrix[0] == pytest.approx(np.array([[0.8, 0.2], [0.3, 0.7]]))
    assert chain.probability == pytest.approx(stationary([0.2, 0.9], [0.7, 0.3], "per_layer"), rel=1e-12), "the chips of a profile have the same law"


@pytest.mark.parametrize(("a", "b"), [*CHAINS, (0.5, 0.5), (1.0, 0.0)])
def test_bits_without_a_loop_are_those_of_the_loop(a: float, b: float) -> None:
    uniform = stream(3, "test-bits").random((400, 5))
    fast = markov_bits(uniform, np.full(5, a), np.full(5, b), np.full(5, 0.3))
    slow = np.empty_like(fast)
    slow[0] = uniform[0] < 0.3
    for t in range(1, 400):
        slow[t] = uniform[t] < np.where(slow[t - 1] == 1, b, a)
    assert np.array_equal(fast, slow)


def test_thresholds_may_change_from_cycle_to_cycle() -> None:
    uniform = stream(4, "test-bits").random((60, 2))
    a, b = stream(5, "test-bits").random((60, 2)), stream(6, "test-bits").random((60, 2))
    fast = markov_bits(uniform, a, b, [0.5, 0.5])
    slow = (uniform[:1] < 0.5).astype(np.uint8)
    for t in range(1, 60):
        slow = np.vstack([slow, (uniform[t] < np.where(slow[-1] == 1, b[t], a[t]))[None]])
    assert np.array_equal(fast, slow)


def test_streams_do_not_depend_on_length_or_company() -> None:
    many = BitStream(a=[0.5, 0.2, 0.4], b=[0.5, 0.9, 0.1]).sample(300, seed=8)
    assert many.dtype == np.uint8 and many.shape == (300, 3)
    assert np.array_equal(many[:50], BitStream(a=[0.5, 0.2, 0.4], b=[0.5, 0.9, 0.1]).sample(50, seed=8))
    assert np.array_equal(many[:, :2], BitStream(a=[0.5, 0.2], b=[0.5, 0.9]).sample(300, seed=8))
    assert not np.array_equal(many[:, 0], BitStream(a=[0.5], b=[0.5]).sample(300, seed=9)[:, 0])
    assert BitStream(a=0.5, b=0.5).sample(7, seed=1).shape == (7,)


def test_a_start_is_the_bit_before_the_first_cycle() -> None:
    chain = BitStream(a=np.full(4000, 0.1), b=np.full(4000, 0.8))
    for start, wanted in ((0, 0.1), (1, 0.8), (None, 0.1 / 0.3)):
        assert chain.sample(2, 5, start=start)[0].mean() == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / 4000))


def test_pulses_make_the_chain() -> None:
    """From the rates of both pulses; RESET of a module that is reset already does not set it."""
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    current = float(model.current_for(0.3, 10e-9))
    chain = BitStream.from_pulses(model, set_current=current, set_pulse=10e-9, reset_current=-400e-6, reset_pulse=5e-9)
    assert float(chain.a) == pytest.approx(0.3, rel=1e-9)
    assert float(chain.reset_failure) == pytest.approx(math.exp(-5), rel=1e-6), "tau0 = 1 ns: exp(-5) at best"
    weak = BitStream.from_pulses(model, set_current=current, set_pulse=10e-9, reset_current=-250e-6, reset_pulse=0.0)
    assert float(weak.b) == pytest.approx(1.0, abs=1e-9), "no RESET, no way back"
    turned = BitStream.from_pulses(model, set_current=-current, set_pulse=10e-9, reset_current=400e-6, reset_pulse=5e-9)
    assert float(turned.a) == pytest.approx(0.7 * (1 - math.exp(-5)), rel=1e-6), "opposite currents: the 'SET' takes away what the 'RESET' set"


def test_statistics_of_a_short_stream_by_hand() -> None:
    bits = np.array([1, 1, 0, 1, 0, 0, 0, 1])
    found = bit_statistics(bits, lags=2)
    assert found.probability == pytest.approx(0.5) and found.runs == 5
    assert (found.a, found.b) == (pytest.approx(2 / 4), pytest.approx(1 / 3)), "two of four zeros and one of three ones are followed by a 1"
    signs = 2.0 * bits - 1
    assert found.autocorrelation == pytest.approx([(signs[1:] * signs[:-1]).sum() / 8, (signs[2:] * signs[:-2]).sum() / 8])
    expected, spread = 1 + 2 * 4 * 4 / 8, math.sqrt((5 - 1) * (5 - 2) / 7)
    assert found.runs_p_value == pytest.approx(2 * norm.sf(abs(5 - expected) / spread))


def test_nist_example_of_the_markov_estimate() -> None:
    """SP 800-90B, 6.3.3: the example of 40 bits, worked by hand from its counts."""
    bits = [1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0]
    pairs = list(itertools.pairwise(bits))
    up, down = pairs.count((0, 1)) / sum(p[0] == 0 for p in pairs), pairs.count((1, 0)) / sum(p[0] == 1 for p in pairs)
    assert (round(up, 3), round(down, 3)) == (0.611, 0.571)
    log = math.log2(sum(bits) / 40) + 64 * math.log2(down) + 63 * math.log2(up)
    assert float(bit_statistics(bits).min_entropy_markov) == pytest.approx(-log / 128, rel=1e-12)
    assert -log / 128 == pytest.approx(0.761, abs=5e-4)


def test_the_most_common_value_has_its_bound() -> None:
    bits = np.array([0] * 300 + [1] * 700)
    found = bit_statistics(bits)
    assert float(found.min_entropy_common) == pytest.approx(-math.log2(0.7 + 2.576 * math.sqrt(0.7 * 0.3 / 999)), rel=1e-12)
    assert float(bit_statistics(1 - bits).min_entropy_common) == pytest.approx(float(found.min_entropy_common), rel=1e-12)


def test_constant_bits_have_no_entropy_and_no_correlation() -> None:
    for bit in (0, 1):
        found = bit_statistics(np.full((50, 2), bit))
        assert np.all(np.isnan(found.autocorrelation)) and np.all(np.isnan(found.runs_p_value)) and np.all(found.runs == 1)
        assert np.all(found.entropy_rate == 0) and np.all(found.min_entropy_common == 0) and np.all(found.min_entropy_markov == 0)
        assert np.all(np.isnan(found.a) if bit else np.isnan(found.b))


def test_alternating_bits_have_much_bias_entropy_and_no_markov_entropy() -> None:
    found = bit_statistics(np.arange(1000) % 2)
    assert float(found.min_entropy_common) > 0.85 and float(found.min_entropy_markov) == pytest.approx(1 / 128, abs=1e-3)
    assert float(found.entropy_rate) == pytest.approx(0, abs=1e-9) and float(found.runs_p_value) < 1e-12


@pytest.mark.parametrize("bits", [[0, 1, 2] * 9, [0, 1, 0], np.zeros((5, 3)), [[0.5] * 3] * 9, []])
def test_bits_that_are_none_are_refused(bits: object) -> None:
    with pytest.raises(ParameterError, match="bits"):
        bit_statistics(bits)  # type: ignore[arg-type]


def test_chains_that_are_none_are_refused() -> None:
    for a, b in ((-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5), (0.0, 1.0)):
        with pytest.raises(ParameterError):
            BitStream(a=a, b=b)
    chain = BitStream(a=0.5, b=0.5)
    for call in (lambda: chain.sample(0, 1), lambda: chain.sample(5, 1, start=2), lambda: chain.min_entropy(0)):
        with pytest.raises(ParameterError):
            call()


def test_effective_samples_and_needed_samples() -> None:
    assert float(effective_samples(1000, 0.0)) == 1000 and float(effective_samples(1000, 0.5)) == pytest.approx(1000 / 3)
    z, power = 1.959963984540054, 1.2815515655446004
    plain = ((z * 0.5 + power * math.sqrt(0.53 * 0.47)) / 0.03) ** 2
    assert samples_for_bias(0.03) == math.ceil(plain)
    assert samples_for_bias(0.03, correlation=0.2) == math.ceil(plain * 1.2 / 0.8)
    assert samples_for_bias(-0.03) == math.ceil(plain) and samples_for_bias(0.03, power=0.5) < samples_for_bias(0.03)
    assert samples_for_correlation(0.1) == math.ceil(((z + power * math.sqrt(0.99)) / 0.1) ** 2)
    for call in (lambda: samples_for_bias(0.0), lambda: samples_for_bias(0.6), lambda: samples_for_bias(0.1, power=0.01), lambda: samples_for_correlation(0.0), lambda: effective_samples(10, 1.0)):
        with pytest.raises(ParameterError):
            call()


def test_the_table_has_a_row_a_module() -> None:
    table = BitStream.from_set_reset([0.5, 0.2], 0.05).table()
    assert len(table.rows) == 2 and table.rows[1][3] == pytest.approx(0.2 / (1 - 0.05 * 0.8), rel=1e-12)


def test_no_bits_are_no_bits() -> None:
    assert markov_bits(np.empty((0, 3)), 0.2, 0.4, 0.3).shape == (0, 3)


def test_bits_that_alternate_have_no_entropy() -> None:
    chain = BitStream(a=1.0, b=0.0)
    assert [str(float(v)) for v in (chain.entropy_rate, chain.min_entropy(), chain.correlation)] == ["0.0", "0.0", "-1.0"]
