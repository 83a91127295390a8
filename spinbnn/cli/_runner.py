"""Options of the commands that simulate: workers, time-outs, retries, shards, clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:  # pragma: no cover
    from ..characterize.shard import Shard

Command = TypeVar("Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option("-j", "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that simulate; the result does not depend on it."),
    click.option("--simulator", type=click.Choice(["shared", "batch"]), help="Benches of circuits: PySpice's shared library (the default), or 'ngspice -b'."),
    click.option("--draws", type=click.IntRange(1), help="Number of Monte-Carlo draws instead of the flow's."),
    click.option("--retry-failed", is_flag=True, help="Measure again what is not ok, also in a finished table."),
    click.option("--shard", metavar="I/N", help="Measure part I of N only; 'spinbnn table merge' puts the parts together."),
    click.option("--cluster", metavar="ADDRESS", help="Run on an existing Dask cluster, tcp://HOST:PORT; needs the extra 'cluster'."),
    click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Longest time for one deck of ngspice, all retries together [s]  [default: 60]."),
)


def runner_options(command: Command) -> Command:
    """Add the options to a command, which takes them as ``**options`` for :class:`Runner`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """What the options say."""

    workers: int
    simulator: str | None
    draws: int | None
    retry_failed: bool
    shard: str | None
    cluster: str | None
    timeout: float | None

    def __post_init__(self) -> None:
        if self.cluster is not None and (self.simulator is not None or self.workers != 1 or self.timeout is not None):
            raise click.UsageError("--cluster runs 'ngspice -b' on the workers that are there: leave --workers, --simulator and --timeout out")

    @property
    def part(self) -> Shard | None:
        """The shard that was asked for."""
        from ..characterize.shard import Shard

        return None if self.shard is None else Shard.parse(self.shard)

    def file(self, stem: str) -> str:
        """Return the name of the table that a run writes."""
        return f"{stem}.h5" if self.part is None else f"{stem}.shard-{self.part.part}-of-{self.part.count}.h5"

    @contextmanager
    def started(self, engine: str) -> Iterator[dict[str, Any]]:
        """Yield the arguments of ``run_flow`` and ``search``, with the cluster reached if one was named."""
        own = {"retry_failed": self.retry_failed, "shard": self.part, "timeout": self.timeout}
        if self.cluster is None:
            yield {**own, "workers": self.workers, "simulator": self.simulator}
            return
        from ..characterize.cluster import ClusterSimulator

        with ClusterSimulator(self.cluster, engine) as remote:
            yield {**own, "simulator": remote}
