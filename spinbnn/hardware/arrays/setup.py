"""How the arrays of a chip are driven, read, converted and calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...crossbar.adc import Adc, for_popcount
from ...crossbar.array_params import ArrayParams, ArrayQuantity
from ...crossbar.cells import READOUTS
from ...crossbar.variation import FAULTS
from ...errors import ParameterError, suggest
from ...files import content_hash

ROWS = ("driven", "gated")
REFERENCES = ("columns", "ideal")
CALIBRATIONS = ("column", "array", "none")
_CHOICES = {"rows": ROWS, "readout": READOUTS, "references": REFERENCES, "calibration": CALIBRATIONS}
_ERRORS = ("offset", "gain_error", "noise", "bow", "mismatch", "offset_sigma", "gain_sigma")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossbarSetup:
    r"""The electrical side of the arrays: what :class:`~spinbnn.hardware.HardwareProfile` needs for ``table`` and ``exact``.

    Parameters
    ----------
    params : ArrayParams
        Junctions, wires, faults and the read voltage.
    rows : {"driven", "gated"}
        An undriven word line is held at 0 V, its cells stay connected and the array is a linear network; or the access
        transistors of undriven rows are off and the network depends on the input.
    readout : {"single", "differential"}
        Two word lines a cell and one bit line a column, read against a reference; or one bipolar word line a cell and two
        bit lines a column.
    references : {"columns", "ideal"}
        Of single-ended columns: the mean of a P and an AP column at the far end of the array, which see the wires; or
        :math:`N V (G_P + G_{AP}) / 2` for N driven rows, without wires.
    calibration : {"column", "array", "none"}
        One gain and one offset for each column, or for all columns of an array, found by known inputs at the temperature of the
        array file (300 K, the only one: array files have no temperature law); or the design's conductances alone. See :class:`~spinbnn.hardware.arrays.response.Calibration`.
    adc_kind : {"sar", "flash", "ramp", "sense"}
        Kind of the converters.
    adc_bits : int
        Their resolution [].
    adc_clip : float, optional
        Probability of binomial counts that the range may leave outside, see
        :func:`~spinbnn.crossbar.adc.for_popcount`; None: every count is reachable, in wider steps [].
    adc_errors : mapping of str to float
        Further fields of :class:`~spinbnn.crossbar.adc.Adc`, in counts; ``noise`` is drawn anew for every read.

    Raises
    ------
    ParameterError
        For an unknown choice, an unknown error of the converter, a converter that cannot be, or probabilities of faults that sum to
        more than 1.

    Notes
    -----
    256 rows have 257 counts. Eight bits spread over all of them would make steps of 256/255 counts, right nowhere; the
    default leaves one count out (``adc_clip``) and has steps of exactly one.

    The range is placed for all R rows of a tile. Fewer driven rows (padding, bit planes) need no other: see :meth:`centre`.

    Examples
    --------
    >>> setup = CrossbarSetup(params=ArrayParams.load("array_mohm"))
    >>> adc = setup.converter(256)
    >>> adc.step, adc.lo, adc.hi
    (1.0, 1.0, 256.0)
    """

    params: ArrayParams
    rows: str = "driven"
    readout: str = "single"
    references: str = "columns"
    calibration: str = "column"
    adc_kind: str = "sar"
    adc_bits: int = 8
    adc_clip: float | None = 1e-6
    adc_errors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, known in _CHOICES.items():
            value = getattr(self, key)
            if value not in known:
                raise ParameterError(
                    f"unknown value of {key}",
                    where=f"CrossbarSetup, {key}",
                    value=value,
                    remedy=suggest(str(value), known),
                )
        for key in self.adc_errors:
            if key not in _ERRORS:
                raise ParameterError(
                    "a converter has no such error",
                    where="CrossbarSetup, adc_errors",
                    value=key,
                    remedy=suggest(str(key), _ERRORS),
                )
        object.__setattr__(self, "adc_errors", {k: float(v) for k, v in self.adc_errors.items()})
        chance = sum(self.params.value(f"faults.{name}") for name in FAULTS)
        if chance > 1:  # the array of a profile's file comes here unchecked (from_dict)
            raise ParameterError(
                "the probabilities of the faults sum to more than 1",
                where=f"CrossbarSetup, array {self.params.name}, faults",
                value=chance,
                remedy="a device has at most one fault",
            )
        self.converter(2)  # refuses what no converter can be

    def converter(self, rows: int) -> Adc:
        """Return the converter of a tile of ``rows`` bit cells, its references placed for these rows."""
        return for_popcount(
            rows,
            self.adc_bits,
            self.adc_kind,
            clip=None if self.adc_kind == "sense" else self.adc_clip,
            **self.adc_errors,
        )

    def centre(self, driven: Any, rows: int) -> Any:
        r"""Return what the converter of a tile is given for a signed sum of 0.

        The column's current less that of the reference, which lies on the same word lines, is balanced at 0 for every number
        N of driven rows; it is laid on the middle of the range, :math:`R/2`. Sums s of N rows are even or odd as N is: where
        R - N is odd, :math:`R/2 + s/2` would stand on a threshold, so that half a count is taken off (a spare row of the array
        of bit 0, driven where N is odd and R even or the other way round; its spread is not modelled) and added again
        digitally: the sum is twice the value less twice this centre. A sense amplifier has one threshold, at a sum of 0, for every N.

        Parameters
        ----------
        driven : int or array
            N; of numpy or torch [].
        rows : int
            R of the tile, bit cells [].

        Examples
        --------
        >>> setup = CrossbarSetup(params=ArrayParams.load("array_mohm"))
        >>> [setup.centre(n, 256) for n in (256, 255, 0)]
        [128.0, 127.5, 128.0]
        """
        odd = 0 if self.adc_kind == "sense" else (rows - driven) % 2
        return (rows - odd) / 2

    @property
    def conductances(self) -> tuple[float, float]:
        """Design conductances G_P and G_AP at the read voltage, access transistor included [S]."""
        volts = self.params.value("read.voltage")
        return 1 / self.params.resistance(False, volts), 1 / self.params.resistance(True, volts)

    @property
    def swing(self) -> float:
        """What one count is worth, G_P - G_AP [S]."""
        parallel, antiparallel = self.conductances
        if not parallel > antiparallel:
            raise ParameterError(
                "the two states give the same current",
                where=f"CrossbarSetup, array {self.params.name}",
                value=(parallel, antiparallel),
                remedy="needs a magnetoresistance ratio above 0",
            )
        return parallel - antiparallel

    @property
    def content_hash(self) -> str:
        """sha256 of every number and choice."""
        return content_hash({**self._choices(), "params": self.params.content_hash})

    def _choices(self) -> dict[str, Any]:
        keys = ("rows", "readout", "references", "calibration", "adc_kind", "adc_bits", "adc_clip")
        return {**{key: getattr(self, key) for key in keys}, "adc_errors": dict(self.adc_errors)}

    def to_dict(self) -> dict[str, Any]:
        """Return the set-up as plain data, from which :meth:`from_dict` makes it again."""
        params = {
            "name": self.params.name,
            "description": self.params.description,
            "notes": list(self.params.notes),
            "quantities": {key: asdict(q) for key, q in self.params.quantities.items()},
        }
        return {**self._choices(), "params": params}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CrossbarSetup:
        """Make a set-up from what :meth:`to_dict` gave.

        Examples
        --------
        >>> setup = CrossbarSetup(params=ArrayParams.load("array_mohm"), adc_bits=6)
        >>> CrossbarSetup.from_dict(setup.to_dict()) == setup
        True
        """
        held = dict(data)
        given = held.pop("params")
        params = ArrayParams(
            name=given["name"],
            description=given["description"],
            notes=tuple(given["notes"]),
            quantities={key: ArrayQuantity(**q) for key, q in given["quantities"].items()},
            origin="profile",
        )
        return cls(params=params, **held)
