"""Results on their way from a worker: bit for bit, in one buffer."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from spinbnn.circuit import SimulationResult
from spinbnn.circuit.simulator.wire import Packed, pack, unpack

RARE = np.array([0.0, -0.0, 5e-324, 1.0 + 2**-52, -1.7976931348623157e308, np.inf, np.nan])


def sent(result: SimulationResult) -> SimulationResult:
    return unpack(pickle.loads(pickle.dumps(pack(result))))


def test_every_bit_name_and_field_arrives() -> None:
    waves = {"time": np.arange(7.0), "V(a)": RARE, "i(v1)": np.arange(14.0)[::2], "@m1[id]": np.array([2.5])}
    result = SimulationResult(index=3, status="ok", name="cell", waveforms=waves, rung=2, log="l", elapsed=0.5)
    packed = pack(result)
    assert isinstance(packed, Packed) and packed.values.flags.c_contiguous and packed.values.nbytes == 8 * (7 + 7 + 7 + 1)
    again = sent(result)
    assert list(again.waveforms) == list(waves)
    for name, wave in waves.items():
        assert again.waveforms[name].tobytes() == wave.tobytes() and again.waveforms[name].dtype == np.float64
    assert (again.index, again.status, again.name, again.rung, again.log, again.elapsed) == (3, "ok", "cell", 2, "l", 0.5)
    assert result.waveforms.keys() == waves.keys(), "the result itself stays whole"
    again.waveforms["time"][0] = 9.0  # one's own to write, and no other vector's
    assert again.waveforms["V(a)"].tobytes() == RARE.tobytes()


@pytest.mark.parametrize("odd", [np.arange(3), np.ones((2, 2)), np.array([1j]), np.float64(1.0), np.ones(2, np.float32)])
def test_what_is_no_row_of_doubles_travels_as_it_is(odd: np.ndarray) -> None:
    result = SimulationResult(index=0, status="ok", waveforms={"a": np.ones(2), "b": odd})
    assert pack(result) is result
    again = sent(result).waveforms["b"]
    assert again.dtype == odd.dtype and np.array_equal(again, odd)


def test_failures_and_empty_vectors() -> None:
    failed = SimulationResult(index=1, status="failed", error="no")
    assert pack(failed) is failed and sent(failed).error == "no"
    again = sent(SimulationResult(index=0, status="ok", waveforms={"a": np.zeros(0), "b": np.ones(1)})).waveforms
    assert [len(wave) for wave in again.values()] == [0, 1]
