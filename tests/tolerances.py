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

BATCH_NORM_FLOAT32 = 1e-5
"""One normalisation in float32 by two formulas: a few units in the last place (6e-8) of values up to about 20."""

MIXTURE_FLOAT32 = 1e-6
"""Class probabilities from float32 logits by two routes: logits agree to about 1e-6, dp/dlogit is at most 1/4."""

CANCELLED_GRADIENT = 1e-4
"""Gradient of a cancelled scale over that of gamma: eps / variance, 1e-5 / 50 at most here, plus float32 rounding."""

RESAMPLED_FLOAT32 = 1e-5
"""Bilinear resampling of values in [0, 1] in float32 by two routes: the positions carry an error of about 1e-6."""

ROUNDING_FLOAT64 = 1e-12
"""Sums of at most some thousand terms of size one in float64: 1e3 times 2.2e-16, with a margin."""

STANDARD_ERRORS = 4.0
"""Random figures with a fixed seed: four standard errors are passed by all but one correct test in 16,000."""

HAND_MADE_WAVEFORM = 1e-5
"""Measures of piecewise linear waveforms sampled every 1 ps: linear pieces are integrated exactly; squares of a 50 ps edge (1/50 of
the amplitude a point) and rates that change e-fold in 4 ps err by less than 1e-6 of the whole pulse."""
