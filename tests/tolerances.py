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

FOUR_DIGITS = 2e-4
"""Derived numbers of device files, written to four or five digits."""

EXTRACTED_MODEL = 1e-9
"""Drain currents from one card with folded numbers against the foundry's whole library, relative: on-currents agree to 2e-14."""

EXTRACTED_FLOOR = 1e-16
"""The same, absolute [A]: rounding in the matrix, whose entries are of order 0.1; measured in leakages: 2.8e-17, which is 2^-55."""

SPREAD_OF_P = 1.5e-3
"""sd(p) of drawn devices against a table of three digits (5e-4): the table's Ic0 is normal, ours log-normal, which differs by 9e-4 at
10 % (quadrature over 200,000 quantiles: 0.3866 and 0.3875); 8,192 Sobol points err by some 1e-4."""

NORMAL_FLOAT32 = 3e-7
"""Box-Muller in float32 against float64, over the radius: five roundings of 6e-8, polynomials to 1e-8. Measured: 2.0e-7."""

HEUN_PHASE = 2e-3
"""Precession at omega dt = 0.042, relative: Heun's phase error is (omega dt)^2/6 = 3e-4; the tilt of 0.01 rad adds 1e-4, the fit of
log and angle over a decaying spiral the rest."""

HEUN_DECAY = 5e-3
"""Damping rate at alpha = 0.02 and omega dt = 0.042, relative: Heun gains (omega dt)^4/8 a step, 5e-4 of alpha omega dt; the rest is
the fit and the second order of the tilt."""

SMALL_TILT = 1e-3
"""Linear response to a torque of 1 % of the anisotropy field, relative: the cubic term is 1e-4, the transient is down to e^-20."""

TWO_ROUTES = 1e-9
"""float64 trajectories by two routes to the same numbers, over 1,000 steps: each step's rounding of 1e-16 grows where paths part."""

TRAIN_OF_CYCLES = 5e-3
"""Transition probabilities of one code in two transients with 50 ps steps, relative: the steps fall differently into the edges of SET.
Measured: 2.5e-3 at 50 ps, 1.5e-3 at 20 ps, 1e-5 at 5 ps; it is not the settling of the code."""

ARRAY_ENGINES = 1e-12
"""Array currents by two engines of the line solver, over the largest: the same iterations in another order of summation, each
amplified by the condition of the lines (below 1e3). Measured: 1e-15 to 2e-13."""

ARRAY_DIRECT = 1e-10
"""Array currents by lines (residual below 1e-11) and by elimination or sparse LU, over the largest: a residual of 1e-11 is a source of
1e-11 of the drive in series with each cell; LU itself errs by 2e-12 at 64 x 64. Measured: 4e-11 for non-linear cells, 2e-12 else."""

ARRAY_SPICE = 1e-9
"""Array currents against ngspice, over the largest: its conductance gmin of 1e-12 S at no node here, its own residual 1e-12."""

ARRAY_SPICE_CURVED = 1e-6
"""The same with non-linear cells: ngspice's Newton iteration stops at reltol = 1e-7 in these decks."""

COLUMN_CELL = 4e-3
"""Resistance of a megaohm cell against its junction alone, relative: the access transistor in series has 0.9 kilo-ohm at 0.1 V."""

COLUMN_LADDER = 1e-8
"""A column with two resistive lines against its nodal matrix, relative: the driver stands in that matrix with 1e-9 ohm in
16 kilo-ohm; dense elimination errs by the condition number, 1e7, times 2e-16."""

COLUMN_SETTLING = 0.03
"""Settling of a single pole against tau ln(...), relative: edge of 1 ps, Gear steps of 2 ps in a tau of 40 ps to 0.6 ns."""

ARRAY_RESPONSE = 1e-6
"""Half sums of an array by its response against sparse LU [counts]: the line solver's residual of 1e-9 times some tens of rows and the
ratio of conductance to swing (about 1.5). Gated reads are solved to 1e-7: a thousand times that is the bound of 1e-3 counts."""

COLUMN_CHARGE = 0.02
"""Charge of a capacitor over an edge of 20 ps by the trapezoidal rule, relative: its current jumps at both ends of the edge, each
counted with half a step. Measured: 6e-3."""
