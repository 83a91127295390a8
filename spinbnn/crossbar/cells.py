r"""The complementary XNOR cell: one weight bit in two devices, one input bit on two word lines.

A weight +1 (bit 1) is a true device in state P and a complement in AP, a weight -1 the other way round. An input +1
drives the true device's word line, -1 the complement's, 0 (padding) neither. The device that conducts is in P exactly
where input and weight agree (Table I of Scale-Dropout, arXiv 2311.15816; which of the two codes (0,1), (1,0) is +1
is not printed):

===== ====== ==== ===============
input weight XNOR device
===== ====== ==== ===============
+1    +1     +1   true, P
-1    -1     +1   complement, P
+1    -1     -1   true, AP
-1    +1     -1   complement, AP
===== ====== ==== ===============
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError, suggest

Floats = NDArray[np.float64]
READOUTS = ("single", "differential")
DEVICES_PER_CELL = 2


def antiparallel_states(bits: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which true and which complement devices are in state AP.

    Parameters
    ----------
    bits : array (..., R, C)
        Weight bits, 1 for +1 and 0 for -1 [].

    Raises
    ------
    ParameterError
        If a bit is neither 0 nor 1.

    Examples
    --------
    >>> true, complement = antiparallel_states([[1, 0]])
    >>> true.tolist(), complement.tolist()
    ([[False, True]], [[True, False]])
    """
    given = np.asarray(bits)
    if given.ndim < 2 or not np.all((given == 0) | (given == 1)):
        wrong = given[(given != 0) & (given != 1)][:3].tolist() if given.ndim >= 2 else given.shape
        raise ParameterError(
            "weights must be a matrix of bits",
            where="antiparallel_states, bits",
            value=wrong,
            remedy="1 for a weight of +1, 0 for -1, shape (..., R, C)",
        )
    low = given == 0
    return low, ~low


def word_lines(inputs: Any, readout: str = "single") -> Any:
    r"""Return the signals of the word lines, in units of the read voltage.

    Parameters
    ----------
    inputs : array (..., R)
        -1, +1, or 0 for a row that is not driven; numpy or any array that broadcasts like it (torch), signed [].
    readout : {"single", "differential"}
        ``"single"``: two word lines a cell, ``(..., 2 R)``, true before complement, 0 or 1. ``"differential"``: one
        bipolar word line a cell, ``(..., R)``.

    Raises
    ------
    ParameterError
        If an input is none of the three, the type has no sign (boolean, unsigned), or the readout is unknown.

    Examples
    --------
    >>> word_lines(np.array([1, -1, 0])).tolist()
    [1, 0, 0, 1, 0, 0]
    """
    _check_readout(readout)
    kind = str(inputs.dtype).removeprefix("torch.")
    if kind.startswith(("bool", "uint")):
        raise ParameterError(
            "a word line carries a sign; this type has none",
            where="word_lines, inputs",
            value=kind,
            remedy="2*bits - 1, in a signed type, for inputs of -1 and +1 stored as bits",
        )
    bad = (inputs != 1) & (inputs != -1) & (inputs != 0)
    if bool(bad.any()):
        raise ParameterError(
            "a word line carries -1, +1 or nothing",
            where="word_lines, inputs",
            value=inputs[bad][:3].tolist(),
            remedy="give -1 and +1, and 0 for rows that are not driven",
        )
    if readout == "differential":
        return inputs
    pairs = inputs[..., None] * _like(inputs, [1, -1])
    driven = pairs * (pairs > 0)
    return driven.reshape((*inputs.shape[:-1], 2 * inputs.shape[-1]))


def device_rows(true: ArrayLike, complement: ArrayLike) -> Floats:
    """Return the matrix ``(..., 2 R, C)`` of a single-ended array: true and complement devices in turns.

    Examples
    --------
    >>> device_rows([[1.0], [2.0]], [[3.0], [4.0]]).ravel().tolist()
    [1.0, 3.0, 2.0, 4.0]
    """
    both = np.stack([np.asarray(true, float), np.asarray(complement, float)], axis=-2)
    return both.reshape((*both.shape[:-3], both.shape[-3] * 2, both.shape[-1]))


def effective_conductance(
    true: ArrayLike, complement: ArrayLike, value: int, readout: str = "single"
) -> Floats:
    r"""Return what a cell adds to its column's result over the read voltage, without wires.

    Parameters
    ----------
    true, complement : array (..., R, C)
        Conductances of the devices [S].
    value : {-1, 0, 1}
        Input of every row [].
    readout : {"single", "differential"}
        ``"single"``: :math:`G_t` for +1, :math:`G_c` for -1. ``"differential"``: the difference of two bit lines,
        :math:`\pm (G_t - G_c)`.

    Returns
    -------
    array (..., R, C)
        0 for a row that is not driven [S].

    Examples
    --------
    >>> [effective_conductance([[3.0]], [[1.0]], x, r).item() for r in READOUTS for x in (1, -1, 0)]
    [3.0, 1.0, 0.0, 2.0, -2.0, 0.0]
    """
    _check_readout(readout)
    plus, minus = np.asarray(true, float), np.asarray(complement, float)
    if value not in (-1, 0, 1):
        raise ParameterError(
            "a word line carries -1, +1 or nothing",
            where="effective_conductance, value",
            value=value,
            remedy="-1, 0 or 1",
        )
    if readout == "differential":
        return value * (plus - minus)
    chosen: Floats = (
        plus if value == 1 else minus if value == -1 else np.zeros(np.broadcast(plus, minus).shape)
    )
    return chosen


def signed_sum(
    current: Any,
    parallel: float,
    antiparallel: float,
    voltage: float,
    *,
    reference: Any = None,
    readout: str = "single",
) -> Any:
    r"""Return the signed sum :math:`\sum x w = 2 n - N` that a column current stands for.

    Parameters
    ----------
    current : array (..., C)
        Of the column; with ``"differential"``, the difference of its two bit lines [A].
    parallel, antiparallel : float
        Conductances :math:`G_P`, :math:`G_{AP}` that the design counts with [S].
    voltage : float
        Of a driven word line [V].
    reference : array, optional
        Current of the reference, single-ended: the mean of a column of P and one of AP devices on the same word
        lines, :math:`N V (G_P + G_{AP}) / 2` where nothing spreads [A].
    readout : {"single", "differential"}
        How the column is read.

    Notes
    -----
    Single-ended, n agreeing rows of N driven ones give :math:`I = V (n G_P + (N - n) G_{AP})`, so that

    .. math:: 2 n - N = \frac{2 (I - I_{ref})}{V (G_P - G_{AP})};

    differential, :math:`I = V (G_P - G_{AP}) (2 n - N)`.

    Raises
    ------
    ParameterError
        Without a reference for single-ended columns, or where the two conductances are equal.

    Examples
    --------
    >>> round(signed_sum(0.1 * (3 * 2.0 + 1 * 1.0), 2.0, 1.0, 0.1, reference=0.1 * 4 * 1.5), 9)
    2.0
    """
    _check_readout(readout)
    swing = voltage * (parallel - antiparallel)
    if not swing > 0:
        raise ParameterError(
            "the two states give the same current",
            where="signed_sum",
            value=(parallel, antiparallel, voltage),
            remedy="needs parallel > antiparallel and voltage > 0",
        )
    if readout == "differential":
        return current / swing
    if reference is None:
        raise ParameterError(
            "a single-ended column needs a reference current",
            where="signed_sum, reference",
            value=None,
            remedy="give the mean current of a P and an AP column on the same word lines",
        )
    return 2 * (current - reference) / swing


def _check_readout(readout: str) -> None:
    if readout not in READOUTS:
        raise ParameterError(
            "unknown readout", where="readout", value=readout, remedy=suggest(str(readout), READOUTS)
        )


def _like(array: Any, values: list[int]) -> Any:
    """Return ``values`` as an array of the kind of ``array`` (numpy, or anything with ``new_tensor``)."""
    if hasattr(array, "new_tensor"):
        return array.new_tensor(values)
    return np.asarray(values, dtype=np.asarray(array).dtype)
