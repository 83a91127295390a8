"""The cycle of the dropout module: its phases and the sources and vectors that it is observed by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ParameterError

DRIVERS = ("gp1", "gn1", "gp2", "gn2", "reb", "enb")
"""Gate sources: they stand for drivers at the supply."""
SUPPLIES = ("vdd", "vset", *DRIVERS)
"""Sources whose delivered energy is counted. The stimulus of the electrical state is not a physical source."""
TRACK = "i(v.xm.xj.vt)"
"""The track current, positive from la to lb (SET direction) [A]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Phase plan of the cycle; every time in seconds.

    Parameters
    ----------
    lead, reset, set, read : float
        Rest before RESET, and lengths of RESET, SET and one READ window [s].
    sense : float
        Time before the end of READ at which the latch is enabled [s].
    gap : float
        Rest between RESET and SET, and behind the last READ window [s].
    gap_read : float, optional
        Rest between SET and the first READ window; ``gap`` by default [s].
    gap_states : float, optional
        Rest between the READ windows of the two states; ``gap`` by default. A cycle in use has one READ: the second one of the
        bench needs a latch that has forgotten the first [s].
    edge : float
        Rise and fall time of the gates [s].
    max_step : float
        Longest step of the simulator [s].

    Raises
    ------
    ParameterError
        If a time is not positive or a phase is too short for its edges.

    Examples
    --------
    >>> round(Timing().set_at * 1e9, 6), [round(start * 1e9, 6) for start in Timing().read_at]
    (6.5, [17.5, 25.5])
    >>> [round(start * 1e9, 6) for start in Timing(gap_read=0.2e-9).read_at]
    [16.7, 24.7]
    """

    lead: float = 0.5e-9
    reset: float = 5e-9
    set: float = 10e-9
    read: float = 7e-9
    sense: float = 2e-9
    gap: float = 1e-9
    edge: float = 50e-12
    max_step: float = 50e-12
    gap_read: float | None = None
    gap_states: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.seconds().items():
            if not (math.isfinite(value) and value > 0):
                raise ParameterError("a time must be > 0", where=f"timing.{name}", value=value, remedy="give seconds, e.g. '5 ns'")
        if min(self.reset, self.set, self.gap, self.rest, self.between, self.lead) <= 2 * self.edge or self.sense + 4 * self.edge >= self.read:
            raise ParameterError("the phases are too short for their edges", where="timing", value=str(self), remedy="lengthen the phases or shorten 'edge'")

    @property
    def rest(self) -> float:
        """Rest between SET and the first READ window [s]."""
        return self.gap if self.gap_read is None else self.gap_read

    @property
    def between(self) -> float:
        """Rest between the READ windows of the two states [s]."""
        return self.gap if self.gap_states is None else self.gap_states

    def seconds(self) -> dict[str, float]:
        """Return every time by its name, ``gap_read`` and ``gap_states`` with the values that they have: equal plans give equal data [s]."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"gap_read": self.rest, "gap_states": self.between}

    @property
    def reset_at(self) -> float:
        """Start of RESET [s]."""
        return self.lead

    @property
    def set_at(self) -> float:
        """Start of SET [s]."""
        return self.lead + self.reset + self.gap

    @property
    def read_at(self) -> tuple[float, ...]:
        """Starts of the two READ windows (state 0, state 1) [s]."""
        first = self.set_at + self.set + self.rest
        return first, first + self.read + self.between

    @property
    def sense_at(self) -> tuple[float, ...]:
        """When the latch is enabled in every READ window [s]."""
        return tuple(start + self.read - self.sense for start in self.read_at)

    @property
    def stop(self) -> float:
        """End of the transient [s]."""
        return self.read_at[1] + self.read + self.gap
