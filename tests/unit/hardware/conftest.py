"""A synthetic table, for tests only: analytic S-curves of known spread in place of a characterisation."""

from __future__ import annotations

import numpy as np
import pytest

VOLTAGE = np.linspace(0.7, 1.3, 25)
TEMPERATURE = np.array([233.15, 298.15, 398.15])
RESET_FAILURE = 0.02


class SyntheticTable:
    """p(V) = 1 - exp(-exp(slope (V - V_half(draw, T)))), RESET failing with a fixed probability.

    The log hazard is linear in the voltage, so an interpolation of it must be exact in V.
    """

    content_hash = "synthetic"
    slope = 25.0

    def __init__(self, draws=64, spread=0.01, corners=("tt", "ss"), reset_failure=RESET_FAILURE, broken=()):
        self.axes = {
            "corner": np.array(corners),
            "temperature": TEMPERATURE,
            "set_voltage": VOLTAGE,
            "draw": np.arange(draws),
        }
        offset = spread * np.random.default_rng(5).standard_normal(draws)
        corner = 0.05 * np.arange(len(corners))
        t = TEMPERATURE[:, None, None]
        hazard = np.exp(
            np.stack([self.slope * (VOLTAGE[:, None] - self.half(t) - offset - c) for c in corner])
        )
        a = -np.expm1(-hazard)
        b = reset_failure + (1 - reset_failure) * a
        shape = a.shape
        energy = np.broadcast_to(1e-12 * VOLTAGE[:, None] ** 2, shape).copy()
        self.measures = {
            "transition_01": a,
            "transition_11": b,
            "energy_cycle": energy,
            "latency_cycle": np.full(shape, 15e-9),
        }
        for where in broken:
            a[where] = np.nan

    def with_read_out(self, *wrong):
        """Add ``read_ok``, 0 at the given (corner, temperature, voltage, draw)."""
        self.measures["read_ok"] = np.ones(self.measures["transition_01"].shape)
        for where in wrong:
            self.measures["read_ok"][where] = 0.0
        return self

    @staticmethod
    def half(temperature):
        """Voltage of unit hazard [V]."""
        return 1.05 - 2e-4 * (temperature - 298.15)

    def values(self, measure):
        return self.measures[measure]

    def units(self, measure):
        return {"energy_cycle": "J", "latency_cycle": "s"}.get(measure, "1")


@pytest.fixture
def synthetic():
    """Return the class, so that a test chooses draws and spread."""
    return SyntheticTable
