"""Samples per second of processor time: `run_flow` beside one bare ngspice process that runs the same decks.

    python -m benchmarks.runner_throughput --json results/runner.json

Prints Markdown. The bare process is ``ngspice -b`` with a control block that sources, runs and drops one deck after the other,
``num_threads=1``, and writes nothing. The runner makes the decks, checks every answer, takes the measures, and writes journal
and table; its time is that of this process and of its workers, their start included. Programs take turns; best of several rounds.
The memory is that of one worker and of this process, by ``/proc``, while 2,000 samples are run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from spinbnn.characterize import Flow, run_flow
from spinbnn.circuit.simulator import NgspiceShared, find_ngspice
from spinbnn.tables import Cell, Column, Table


def flow_of(samples: int) -> Flow:
    """Return the flow of the dropout module with so many draws at one point."""
    return Flow.load("dropout_module").with_axes(set_voltage={"values": ["1.0 V"]}, temperature={"values": ["25 degC"]}, corner={"values": ["tt"]}, draw={"count": samples})


def used() -> float:
    """Return the processor time of this process and of its finished children [s]."""
    return sum(u.ru_utime + u.ru_stime for u in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


def runner(flow: Flow, workers: int, simulator: str) -> tuple[float, float]:
    """Return processor and wall time of one run into a file [s]."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = used(), time.perf_counter()
        table = run_flow(flow, workers=workers, simulator=simulator, out=Path(folder) / "t.h5")
        found = used() - cpu, time.perf_counter() - wall
    if not table.complete:
        raise SystemExit("a sample failed: the times would be of something else")
    return found


def bare(flow: Flow) -> tuple[float, float]:
    """Return processor and wall time of one ngspice with a control loop over the same decks [s]."""
    decks = [flow.bench.deck(sample).render() for sample in flow.samples()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for k, text in enumerate(decks):
            (folder / f"d{k}.cir").write_text(text)
        loop = "".join(f"source d{k}.cir\nrun\nlet n = length(time)\necho points $&n\ndestroy all\nremcirc\n" for k in range(len(decks)))
        (folder / "loop.cir").write_text(f"* loop\n.control\nset num_threads=1\n{loop}quit\n.endc\n.end\n")
        cpu, wall = used(), time.perf_counter()
        done = subprocess.run(
            [find_ngspice().require_executable(), "-b", "loop.cir"], cwd=folder, env=find_ngspice().environment(folder), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        found = used() - cpu, time.perf_counter() - wall
    points = [int(float(line.split()[1])) for line in done.stdout.splitlines() if line.startswith("points ")]
    if len(points) != len(decks) or min(points) < 100:
        raise SystemExit(f"the bare process ran {len(points)} of {len(decks)} decks: {done.stdout[-500:]}{done.stderr[-500:]}")
    return found


def memory(samples: int, marks: tuple[int, ...]) -> tuple[dict[str, list[float]], float]:
    """Return the resident memory of worker and runner when so many samples are done [MB], and the processor time of all [s]."""
    seen: dict[str, list[float]] = {"samples": [], "worker": [], "runner": []}

    def step(done: int, total: int, text: str) -> None:
        if done in marks:
            children = [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
            seen["samples"].append(done)
            seen["worker"].append(max(map(resident, children)))
            seen["runner"].append(resident(os.getpid()))

    with tempfile.TemporaryDirectory() as folder:
        cpu = used()
        run_flow(flow_of(samples), workers=1, out=Path(folder) / "t.h5", progress=step)
        return seen, used() - cpu


def parts(samples: int, rounds: int) -> list[list[Cell]]:
    """Return the processor time of this process for each part of a sample, without journal and table, best of the rounds [ms]."""
    best = [float("inf")] * 3
    for _ in range(rounds):
        flow = flow_of(samples)
        clock, points = time.process_time, list(flow.samples())
        with NgspiceShared(workers=1) as engine:
            next(iter(engine.run([flow.bench.deck(replace(points[0], temperature=310.0))])))
            marks = [clock()]
            decks = [flow.bench.deck(point) for point in points]
            marks.append(clock())
            results = list(engine.run(decks))
            marks.append(clock())
        start = clock()
        for result, point in zip(results, points, strict=True):
            flow.bench.measure(result, point)
        found = [marks[1] - marks[0], marks[2] - marks[1], clock() - start]
        best = [min(a, 1e3 * b / samples) for a, b in zip(best, found, strict=True)]
    return [[name, value] for name, value in zip(("deck", "handing over deck and waveforms", "measures"), best, strict=True)]


def resident(pid: int) -> float:
    """Return the resident memory of a process [MB]."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", type=int, default=4, help="how many of the four programs, from the first")
    parser.add_argument("--memory", type=int, default=2000, help="samples of the memory run; 0 leaves it out")
    parser.add_argument("--parts", action="store_true", help="only the parts of a sample in the process of the runner")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.parts:
        print(Table("", ["part", Column("processor time", "ms/sample", 3)], parts(options.samples, options.rounds)).to_markdown())
        return
    flow = flow_of(options.samples)
    runs = {
        "ngspice -b, one process, control loop": lambda: bare(flow),
        "runner, 1 worker": lambda: runner(flow, 1, "shared"),
        "runner, 2 workers": lambda: runner(flow, 2, "shared"),
        "runner, 1 worker, simulator 'batch'": lambda: runner(flow, 1, "batch"),
    }
    runs = dict(list(runs.items())[: options.programs])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, call in runs.items():
            times[name].append(call())
    n = options.samples
    best = {name: [min(t[k] for t in found) for k in (0, 1)] for name, found in times.items() if found}
    first = best[next(iter(runs))] if options.rounds else []
    rows: list[list[Cell]] = [[name, n / cpu, 1e3 * cpu / n, first[0] / cpu, n / wall] for name, (cpu, wall) in best.items()]
    heads: list[Column | str] = ["program", Column("rate", "samples/CPU-s"), Column("processor time", "ms/sample"), Column("rate over bare", "1", 3), Column("rate by the clock", "samples/s", 3)]
    load = os.getloadavg()[0]
    if rows:
        print(Table("", heads, rows, note=f"{n} samples, best of {options.rounds} rounds; {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} at the end.").to_markdown())
    report: dict[str, object] = {"samples": n, "rounds": options.rounds, "ngspice": find_ngspice().version, "load": load, "cpu_s_and_wall_s": times}
    if options.memory:
        seen, cpu = memory(options.memory, tuple(k for k in (100, 500, 1000, 1500, options.memory) if k <= options.memory))
        print()
        print(Table("", [Column("samples"), Column("worker", "MB"), Column("runner", "MB")], [list(row) for row in zip(*seen.values(), strict=True)]).to_markdown())
        few = max(1, options.memory // 10)
        beside = bare(flow_of(few))[0]
        print(f"\nThe runner took {1e3 * cpu / options.memory:.1f} ms of processor time a sample for these {options.memory}, start and table included; the bare process, right after it, {1e3 * beside / few:.1f} ms for {few}: {beside / few / (cpu / options.memory):.3f}.")
        report |= {"memory_mb": seen, "memory_cpu_s": cpu, "bare_after_cpu_s": beside}
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
