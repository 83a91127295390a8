"""One dropout module that serves all layers of a network in turn: the deck of a train of consecutive cycles.

Each layer has a cycle of its own, RESET, SET and one READ, under its own amplitude code; the junction keeps its state from
each cycle to the next. A latch holds the bit, and the bit selects between the scale word and the number one in the layer's
multiplexer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import ParameterError
from ..units import spice_number
from .cell import Cell
from .dropout_bench import OPTIONS, Sample
from .dropout_cycle import DRIVERS, SUPPLIES, TRACK, Timing
from .dropout_variants import TrimmedModuleBench
from .module_netlist import CodeSteps, check_amplitude
from .simulator.deck import Deck

LEAST_LAYERS, MOST_LAYERS = 3, 16
"""Layers of a train. Fewer do not hold every change of the bit; of more, the 2^L masks are not counted."""
PASSES = 2
"""Passes of a train: in the second each layer has the other bit."""
LOGIC_CELLS = ("bit_latch", "select_buffer", "scale_mux", "chain_state")
RATES = ("xm.xj.ku", "xm.xj.kd")
"""Nodes of the cell ``sot_mtj`` that hold its rates in units of the attempt rate."""
CELL_LENGTH = 40e-9
"""Gate length that the logic cells are sized for; with another one their widths scale [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCycle(Timing):
    """The cycle of one layer in a train: its ``lead`` is the whole time before it, and it has one READ.

    Examples
    --------
    >>> cycle = LayerCycle(lead=26e-9)
    >>> round(cycle.reset_at * 1e9, 6), [round(start * 1e9, 6) for start in cycle.read_at], round(cycle.stop * 1e9, 6)
    (26.0, [43.0], 51.0)
    """

    @property
    def read_at(self) -> tuple[float, ...]:
        """Start of the READ window, in a tuple of one [s]."""
        return (self.set_at + self.set + self.rest,)

    @property
    def stop(self) -> float:
        """End of the cycle, where the next one begins [s]."""
        return self.read_at[0] + self.read + self.gap


def train(timing: Timing, count: int) -> tuple[LayerCycle, ...]:
    """Return consecutive cycles: each begins with the rest behind the READ of the one before.

    Parameters
    ----------
    timing : Timing
        Phase plan of every cycle.
    count : int
        Number of cycles [1].

    Examples
    --------
    >>> [round(cycle.reset_at * 1e9, 6) for cycle in train(Timing(), 3)]
    [0.5, 25.5, 50.5]
    """
    first = LayerCycle(**timing.seconds())
    period = first.stop - first.reset_at
    return tuple(replace(first, lead=first.lead + n * period) for n in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModule:
    """A trimmed module, the layers that it serves and the multiplexers that its bit drives.

    Parameters
    ----------
    single : TrimmedModuleBench
        The module on its own: technology, device, design and phase plan.
    targets : tuple of float
        Drop probabilities that the module has a code for [1].
    sequence : tuple of float
        Target of every layer in turn, each one of ``targets`` [1].
    word : int
        Bits of the scale word, all behind one select buffer [1].
    changed : int
        Bits in which the scale differs from the number one, for the energy [1].
    netlists : mapping of str to Cell
        Hold latch, select buffer, multiplexer and chain state.

    Raises
    ------
    ParameterError
        If a target is no probability or stands twice, a layer has no target, or the numbers of layers or bits are out of range.

    Examples
    --------
    >>> from spinbnn.circuit import Technology
    >>> from spinbnn.device import DeviceParams
    >>> single = TrimmedModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
    >>> module = SharedModule(single=single, targets=(0.2, 0.5), sequence=(0.2, 0.5, 0.2))
    >>> module.layers, len(module.cycles), module.bits
    (3, 6, (0, 0, 1, 1, 1, 0))
    """

    single: TrimmedModuleBench
    targets: tuple[float, ...]
    sequence: tuple[float, ...]
    word: int = 32
    changed: int = 16
    netlists: Mapping[str, Cell] | None = None

    def __post_init__(self) -> None:
        where = "SharedModule"
        if not self.targets or len(set(self.targets)) < len(self.targets) or not all(0 < p < 1 for p in self.targets):
            raise ParameterError("the targets are drop probabilities, each once", where=f"{where}, targets", value=list(self.targets), remedy="targets = [0.1, 0.2, 0.5]")
        if unknown := [p for p in self.sequence if p not in self.targets]:
            raise ParameterError("a layer's drop probability is not among the targets", where=f"{where}, sequence", value=unknown[0], remedy=f"one of {list(self.targets)}")
        if unused := [p for p in self.targets if p not in self.sequence]:
            raise ParameterError("no layer has this target", where=f"{where}, targets", value=unused[0], remedy="take it out, or add a layer to the sequence")
        if not LEAST_LAYERS <= self.layers <= MOST_LAYERS:
            raise ParameterError(f"needs {LEAST_LAYERS} to {MOST_LAYERS} layers", where=f"{where}, sequence", value=self.layers, remedy="write a shorter sequence twice or three times: the chain is the same")
        if not (2 <= self.word <= 64 and 0 <= self.changed <= self.word):
            raise ParameterError("a word has 2 to 64 bits, and no more of them change", where=f"{where}, word, changed", value=(self.word, self.changed), remedy="word = 32, changed = 16")
        if self.netlists is None:
            object.__setattr__(self, "netlists", {name: Cell.load(name) for name in LOGIC_CELLS})

    @property
    def logic(self) -> Mapping[str, Cell]:
        """Cells of hold latch, buffer, multiplexer and chain state."""
        assert self.netlists is not None
        return self.netlists

    @property
    def layers(self) -> int:
        """Number of layers [1]."""
        return len(self.sequence)

    @property
    def cycles(self) -> tuple[LayerCycle, ...]:
        """Every cycle of the train: all layers in turn, and once more."""
        return train(self.single.timing, PASSES * self.layers)

    @property
    def bits(self) -> tuple[int, ...]:
        """Electrical state of the junction in every cycle: 0, 0, 1, 1, ... in the first pass, its complement in the second.

        Each layer reads both states once, and the bit that the multiplexer sees stays and changes in every way: 00, 01, 10, 11.
        """
        first = [n // 2 % 2 for n in range(self.layers)]
        return (*first, *(1 - bit for bit in first))

    @property
    def started(self) -> range:
        """Numbers of the cycles that have chain states of their own: every layer once, each behind the layer before it."""
        return range(1, self.layers + 1)

    def layer(self, cycle: int) -> int:
        """Return which layer a cycle serves, from 0."""
        return cycle % self.layers

    def code(self, codes: Sequence[int], cycle: int) -> int:
        """Return the code of a cycle, from one code for each target."""
        return int(codes[self.targets.index(self.sequence[self.layer(cycle)])])

    def deck(self, sample: Sample, codes: Sequence[int]) -> Deck:
        """Return the deck of the whole train.

        A code changes as RESET of its layer begins; the DAC settles during RESET and the gap behind it.

        Parameters
        ----------
        sample : Sample
            Device and conditions; its own code has no part in it.
        codes : sequence of int
            Code of each target.

        Raises
        ------
        ParameterError
            If there is not one code of the DAC for each target; see also :meth:`DropoutModuleBench.deck`.
        """
        single = self.single
        if len(codes) != len(self.targets):
            raise ParameterError("needs one code for each target", where="SharedModule.deck, codes", value=list(codes), remedy=f"targets: {list(self.targets)}")
        for code in codes:
            check_amplitude(single.design, code)
        supply, device = single._supply(replace(sample, code=float(codes[0]))), single._device_numbers(sample)
        cycles, every = self.cycles, [self.code(codes, n) for n in range(PASSES * self.layers)]
        changes = tuple((cycle.reset_at, code) for cycle, code, before in zip(cycles[1:], every[1:], every[:-1], strict=True) if code != before)
        body = single.body(sample, CodeSteps(before=every[0], changes=changes), supply=supply, device=device, cycles=cycles, states=self._states(cycles))
        lines = [*(cell.text.rstrip("\n") for cell in self.logic.values()), body, *self._logic_lines(supply), *self._chain_lines(self.started, cycles, device)]
        sources = [name for name in SUPPLIES if name != "vset"]
        save = (
            *(f"v({node})" for node in ("rd", "rf", "op", "on", "q", "sel", "selb", "out")),
            *(f"i(v{s})" for s in (*sources, "buf", "bit")), *(f"v({s})" for s in DRIVERS),
        )  # fmt: skip
        deck = self._deck(sample, lines, save, self.started, cycles, {"supply": supply, **device, **{f"code_{k + 1}": code for k, code in enumerate(codes)}})
        return replace(deck, initial={**deck.initial, "q": 0.0, "qb": supply})

    def alone_deck(self, sample: Sample, code: int) -> Deck:
        """Return the deck of two cycles of the module alone, both with the same code.

        The first follows a rest, the second is that of a running module: what the first leaves behind, as on the bias line, is
        in it.

        Parameters
        ----------
        sample : Sample
            Device and conditions; its own code has no part in it.
        code : int
            Amplitude code.
        """
        single, cycles, started = self.single, train(self.single.timing, 2), range(1, 2)
        chosen = replace(sample, code=float(code))
        supply, device = single._supply(chosen), single._device_numbers(chosen)
        body = single.body(chosen, chosen.code, supply=supply, device=device, cycles=cycles, states=[(0.0, 0.0)])
        lines = [self.logic["chain_state"].text.rstrip("\n"), body, *self._chain_lines(started, cycles, device)]
        return self._deck(chosen, lines, (), started, cycles, {"supply": supply, **device, "code": code})

    def _deck(
        self, sample: Sample, lines: Sequence[str], save: Sequence[str], started: range, cycles: Sequence[LayerCycle], plain: Mapping[str, float]
    ) -> Deck:
        """Put models before the lines, and the states of the chain into what is saved and where it starts."""
        body, chain = "\n".join(lines), [f"{start}{n}" for n in started for start in ("z", "o")]
        return Deck(
            text="\n".join([self.single.technology.preamble(body, corner=sample.corner), body]), name="dropout_module_shared",
            save=(TRACK, *(f"v({node})" for node in ("p0", "p1", *chain)), *save), stop=cycles[-1].stop, max_step=self.single.timing.max_step,
            temperature_c=sample.temperature - 273.15, initial={"p0": 0.0, "p1": 1.0, **{node: float(node[0] == "o") for node in chain}},
            parameters={"temperature": sample.temperature, **plain}, options=dict(OPTIONS),
        )  # fmt: skip

    def _states(self, cycles: Sequence[LayerCycle]) -> list[tuple[float, float]]:
        """The junction's electrical state changes in the middle of SET."""
        points, now = [(0.0, 0.0)], 0
        for cycle, bit in zip(cycles, self.bits, strict=True):
            if bit != now:
                middle = cycle.set_at + cycle.set / 2
                points += [(middle, float(now)), (middle + cycle.edge, float(bit))]
                now = bit
        return points

    def _logic_lines(self, supply: float) -> list[str]:
        """Hold latch and buffer on one supply, one bit that changes on another, and the select load of the other bits.

        The load is one multiplexer with transmission gates as wide as those of the other bits together; its data do not change.
        """
        length = self.single.technology.gate_length
        scale = length / CELL_LENGTH

        def sized(instance: str, name: str, nodes: list[str], gates: float = 1.0) -> str:
            cell = self.logic[name]
            widths = {key: value * scale * (gates if key in ("wn", "wp") else 1.0) for key, value in cell.parameters.items() if key.startswith("w")}
            return cell.instance(instance, nodes, lg=length, **widths)

        return [
            f"Vbuf vbuf 0 {spice_number(supply)}", f"Vbit vbit 0 {spice_number(supply)}",
            sized("hold", "bit_latch", ["op", "on", "q", "qb", "vbuf"]), sized("buf", "select_buffer", ["q", "sel", "selb", "vbuf"]),
            sized("bit", "scale_mux", ["0", "vbit", "sel", "selb", "out", "vbit"]),
            sized("rest", "scale_mux", ["0", "0", "sel", "selb", "outr", "vbuf"], gates=self.word - 1.0),
        ]  # fmt: skip

    def _chain_lines(self, started: range, cycles: Sequence[LayerCycle], device: Mapping[str, float]) -> list[str]:
        """Two chain states for each cycle of ``started``: the bit before it was 0, or 1."""
        cell, lines = self.logic["chain_state"], []
        for n in started:
            at = cycles[n].reset_at
            lines.append(f"Von{n} on{n} 0 PWL(0 0 {spice_number(at - cycles[n].edge)} 0 {spice_number(at)} 1)")
            lines += [cell.instance(f"{start}{n}", [*RATES, f"on{n}", f"{start}{n}"], tau0=device["tau0"]) for start in ("z", "o")]
        return lines
