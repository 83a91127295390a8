"""The only place where a tolerance is written, each with its reason."""

from __future__ import annotations

FLOAT64 = 1e-10
"""Closed forms in float64."""

RISE_TIME = 1e-3
"""10-90 % rise of an RC, relative: linear interpolation between points 1/200 RC apart errs by 3e-6, ngspice's truncation error
control (reltol 1e-3) by some 1e-4; the rest is margin."""

MASTER_EQUATION = 2e-3
"""Transition probabilities from the integrated nodes against the closed form, relative: the trapezoidal rule at k dt = 0.05 (50 ps,
tau0 = 1 ns) errs by (k dt)^2 / 12 = 2.1e-4 of the exponent k t, which is at most 5 (epsilon): 1.04e-3. Measured: 1.14e-3 with the
1 ps edges; gear errs by 4.5e-3."""

PRINTED = 5e-4
"""Numbers that the facts give to three or four digits."""
