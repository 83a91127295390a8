"""The two-rate law under an in-plane field: escape over both saddles of the tilted washboard, from both states."""

from __future__ import annotations

import math

import numpy as np

from ..switching.washboard import tilted_washboard
from .laws import Array, Design, Law

CHANNELS = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], dtype=float)
"""Signs of the torque and of the field: out of state 0 with and against the torque, then out of state 1."""


class FieldLaw(Law):
    r"""Rates of :class:`spinbnn.device.TwoRateSwitching`; ``theta`` = (ln delta, ln Ic0, ln tau0, H_x/H_k).

    .. math:: p = \sigma\left(1 - e^{-h/\sigma}\right), \quad h = k_\uparrow t, \quad \sigma = k_\uparrow/(k_\uparrow + k_\downarrow)

    With the washboard's ``dB/dj = -(saddle - valley)`` and ``dB/dh = -2 (sin saddle - sin valley)`` all derivatives are closed.
    """

    name = "two_rate_field"
    parameters = ("delta", "critical_current", "tau0", "field_ratio")

    def both(self, theta: Array, design: Design) -> tuple[Array, Array, Array, Array]:
        """Return ``ln(k_up t)``, its derivatives by theta (shape (4, N)), ``ln sigma`` and its derivatives."""
        delta, j = math.exp(theta[0]) * design.barrier_scale, 2.0 * design.current * math.exp(-theta[1])
        signs, fields = CHANNELS[:, :1], CHANNELS[:, 1:]
        board = tilted_washboard(signs * j, fields * theta[3] + np.zeros_like(j))
        logs = -delta * board.barrier
        by_ic = -delta * (board.saddle - board.valley) * signs * j  # j falls as Ic0 grows
        by_field = 2.0 * delta * fields * (np.sin(board.saddle) - np.sin(board.valley))
        up, down = np.logaddexp(logs[0], logs[1]), np.logaddexp(logs[2], logs[3])
        weights = np.exp(logs - np.stack([up, up, down, down]))
        zero = np.zeros_like(j)

        def slopes(first: int) -> Array:
            pair = slice(first, first + 2)
            return np.stack([(weights[pair] * part[pair]).sum(axis=0) for part in (logs, by_ic)] + [zero, (weights[pair] * by_field[pair]).sum(axis=0)])

        by_up, by_down = slopes(0), slopes(2)
        by_share = -np.exp(-np.logaddexp(0.0, up - down)) * (by_down - by_up)
        by_up[2] = -1.0
        return design.log_pulse - theta[2] + up, by_up, -np.logaddexp(0.0, down - up), by_share

    def eta(self, theta: Array, design: Design) -> tuple[Array, Array]:
        """Return ``ln(k_up t)`` and its derivatives by theta."""
        return self.both(theta, design)[:2]
