"""One figure of every kind, small."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.report import Figure, figures
from spinbnn.rng import stream

PHASES = [("RESET", 0.0, 10e-9), ("SET", 10e-9, 12e-9), ("READ 0", 12e-9, 13e-9), ("READ 1", 13e-9, 14e-9)]


def every_figure() -> list[Figure]:
    """Draw each kind once, from fixed numbers."""
    rng = stream(7, "report-tests")
    volts, time = np.linspace(0.4, 0.8, 9), np.linspace(0.0, 14e-9, 50)
    curves = 1.0 / (1.0 + np.exp(-(volts[:, None] - 0.6 - 0.02 * rng.standard_normal(5)) / 0.03))
    curves[4, 1] = np.nan
    angle = np.arange(0.0, 181.0, 30.0)
    return [
        figures.drop_probability(volts, curves, target=0.5, nominal_voltage=0.6),
        figures.waveforms(
            time, {"track": (1e-4 * np.sin(time * 1e9), "A"), "p0": (time / 14e-9, "1")}, PHASES
        ),
        figures.chips(
            {"untrimmed": rng.uniform(0.3, 0.7, (8, 3)), "trimmed": rng.uniform(0.49, 0.51, (8, 3))}, 0.5
        ),
        figures.reliability([0.5, np.nan, 0.95], [0.4, np.nan, 0.96], [10, 0, 900], 0.02, "LeNet-5"),
        figures.uncertainty({"test": rng.uniform(0, 1, 50), "noise": rng.uniform(1, 2, 50)}, maximum=2.303),
        figures.rotation(angle, 1 - angle / 200, angle / 100, angle / 400),
        figures.training(
            [
                {"epoch": 1, "loss": 2.0, "train_accuracy": 0.5},
                {"epoch": 2, "loss": 1.0, "train_accuracy": 0.8},
            ]
        ),
        figures.energy_bars(
            [("paper", {"memory": 6e-8, "adder": 7e-8}), ("block", {"memory": 2e-8, "adder": None})]
        ),
    ]


@pytest.fixture(scope="session")
def drawn() -> list[Figure]:
    """Return one figure of every kind."""
    return every_figure()
