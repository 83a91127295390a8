"""The devices of one array of one chip: resistances, stuck devices and wires, drawn once from the chip's seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ParameterError
from ..rng import stream
from .array_params import ArrayParams
from .cells import antiparallel_states, device_rows, effective_conductance

Floats = NDArray[np.float64]
FAULTS = ("stuck_parallel", "stuck_antiparallel", "open")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArraySample:
    """Conductances and wires of one array, common to all images.

    Attributes
    ----------
    params : ArrayParams
        What they were drawn from.
    true, complement : array (R, C)
        Conductances of the two devices of each cell, access transistors included [S].
    reference : array (2 R, 2)
        A column of P and a column of AP devices on the same word lines, for single-ended columns [S].
    row_wires, column_wires : float or array (2 R, C + 2)
        Segments of the device matrix, the two reference columns last; one number where the file gives no
        spread [ohm].
    voltage : float
        Read voltage [V].
    faults : dict
        Number of stuck devices of each kind [].

    Examples
    --------
    >>> sample = sample_array(ArrayParams.load("array_mohm"), [[1, 0], [1, 1]], seed=3, layer="fc1")
    >>> sample.device_rows().shape, round(sample.wire_column, 4), sample.faults["open"]
    ((4, 2), 2.1748, 0)
    """

    params: ArrayParams
    true: Floats
    complement: Floats
    reference: Floats
    row_wires: float | Floats
    column_wires: float | Floats
    voltage: float
    faults: dict[str, int]

    @property
    def wire_row(self) -> float | Floats:
        """Word-line segments of the weights' columns, ``(2 R, C)`` or one number [ohm]."""
        return _without_references(self.row_wires)

    @property
    def wire_column(self) -> float | Floats:
        """Bit-line segments of the weights' columns, ``(2 R, C)`` or one number [ohm]."""
        return _without_references(self.column_wires)

    def device_rows(self, *, references: bool = False) -> Floats:
        """Return the device matrix for the array solver, true and complement rows in turns [S].

        Parameters
        ----------
        references : bool
            Whether the two reference columns follow the C columns of the weights, far from the drivers of the word
            lines; their currents then see the wires (``row_wires``, ``column_wires``) as the weights do.
        """
        matrix = device_rows(self.true, self.complement)
        return np.concatenate([matrix, self.reference], axis=1) if references else matrix

    def effective(self, value: int, readout: str = "single") -> Floats:
        """Return what each cell adds for one input value, ``(R, C)``; see :func:`~spinbnn.crossbar.cells.effective_conductance` [S]."""
        return effective_conductance(self.true, self.complement, value, readout)

    def reference_current(self, lines: ArrayLike) -> Floats:
        """Return the mean current of the P and the AP reference column, without wires.

        Parameters
        ----------
        lines : array (..., 2 R)
            Word-line signals, as of :func:`~spinbnn.crossbar.cells.word_lines` [].
        """
        current: Floats = self.voltage * (np.asarray(lines, float) @ self.reference).mean(axis=-1)
        return current


def sample_array(
    params: ArrayParams,
    bits: ArrayLike,
    *,
    seed: int,
    layer: str | int = 0,
    tile: int = 0,
    voltage: float | None = None,
) -> ArraySample:
    r"""Draw the devices of one array of one chip and write the weights into them.

    Parameters
    ----------
    params : ArrayParams
        Medians, spreads and fault probabilities.
    bits : array (R, C)
        Weight bits, 1 for +1 [].
    seed : int
        Of the chip.
    layer : str or int
        Name of the layer.
    tile : int
        Number of the array within its layer [].
    voltage : float, optional
        Read voltage at which the junctions are linearised; that of ``params`` by default [V].

    Notes
    -----
    Device i, in state P or AP as its bit says, has

    .. math:: R_i = R_P f_i F \,[1 + s_i\, TMR(v)\, g_i G] + R_{acc} h_i H ,

    with log-normal factors f, g, h of median 1 for each device and F, G, H for each chip,
    :math:`f = \exp(\sqrt{\ln(1 + c_v^2)}\, z)`. The parameters are MEDIANS: the mean of a log-normal resistance is
    :math:`\sqrt{1 + c_v^2}` times its median, and the mean of its conductance as much above the median's
    (0.24 % at 7 %). TMR(v) is taken at the read voltage over the junction alone, an upper bound of the drop of the
    ratio. The factors belong to the device, not to the bit: other weights on the same chip meet the same devices.
    Streams depend on (seed, layer, tile) alone, so that arrays can be drawn in any order. One number decides on the
    fault of a device: where no probability falls, a faulty device stays faulty, but with a larger ``stuck_parallel``
    (or ``stuck_antiparallel``) its fault may become another one.

    Raises
    ------
    ParameterError
        For weights that are no matrix of bits, or a voltage that is not positive.
    """
    true_ap, complement_ap = antiparallel_states(bits)
    if true_ap.ndim != 2:
        raise ParameterError(
            "one array holds one matrix",
            where="sample_array, bits",
            value=true_ap.shape,
            remedy="give shape (R, C)",
        )
    volts = params.value("read.voltage") if voltage is None else float(voltage)
    if not 0 < volts < math.inf:
        raise ParameterError(
            "needs a positive voltage", where="sample_array, voltage", value=voltage, remedy="e.g. 0.1"
        )
    rows, columns = true_ap.shape
    shape = (2 * rows, columns + 2)  # the last two columns are the references

    def factor(key: str) -> Floats:
        own = _lognormal(params[key].sigma, stream(seed, "array", layer, tile, key).standard_normal(shape))
        chip = _lognormal(params[key].sigma_global, stream(seed, "array-chip", key).standard_normal(()))
        return own * chip

    states = np.zeros(shape, bool)
    states[0::2, :columns], states[1::2, :columns] = true_ap, complement_ap
    states[:, columns + 1] = True
    drawn = stream(seed, "array", layer, tile, "faults").random(shape)
    edges = np.cumsum([params.value(f"faults.{name}") for name in FAULTS])
    kind = np.searchsorted(edges, drawn, side="right")  # 0, 1, 2: a fault; 3: none
    states = np.where(kind == 0, False, np.where(kind == 1, True, states))
    ratio = params.tmr_at(volts) * factor("junction.tmr")
    junction = params.value("junction.parallel_resistance") * factor("junction.parallel_resistance")
    resistance = junction * (1 + states * ratio) + params.value("access.resistance") * factor(
        "access.resistance"
    )
    conductance = 1 / np.where(kind == 2, params.value("faults.open_resistance"), resistance)
    return ArraySample(
        params=params,
        true=conductance[0::2, :columns],
        complement=conductance[1::2, :columns],
        reference=conductance[:, columns:],
        row_wires=_wire(params, "row", params.wire_row, shape, seed, layer, tile),
        column_wires=_wire(params, "column", params.wire_column, shape, seed, layer, tile),
        voltage=volts,
        faults={name: int(np.sum(kind[:, :columns] == number)) for number, name in enumerate(FAULTS)},
    )


def _without_references(segments: float | Floats) -> float | Floats:
    return segments if isinstance(segments, float) else segments[:, :-2]


def _wire(
    params: ArrayParams,
    line: str,
    segment: float,
    shape: tuple[int, int],
    seed: int,
    layer: str | int,
    tile: int,
) -> float | Floats:
    """Return the resistance of the wire segments of one array."""
    key = f"wire.{line}_resistance"
    chip = float(_lognormal(params[key].sigma_global, stream(seed, "array-chip", key).standard_normal(())))
    if not params[key].sigma:
        return segment * chip
    return (
        segment
        * chip
        * _lognormal(params[key].sigma, stream(seed, "array", layer, tile, key).standard_normal(shape))
    )


def _lognormal(cv: float, z: ArrayLike) -> Floats:
    """Return factors of median 1 whose standard deviation over mean is ``cv``."""
    return np.asarray(np.exp(math.sqrt(math.log1p(cv**2)) * np.asarray(z, float)))
