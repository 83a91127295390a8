"""``spinbnn doctor``."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console

from .. import resources
from ..errors import MissingToolError, SpinbnnError
from ..provenance import git_revision, version
from ..tables import Table
from ._packages import examine_package, importable, packages
from ._transistors import check_transistors

Report = dict[str, Any]


@contextlib.contextmanager
def _reported(problems: list[str], what: str) -> Iterator[None]:
    """Turn an error of ours into a line of the report: a doctor does not stop at the first finding."""
    try:
        yield
    except SpinbnnError as error:
        problems.append(f"{what}: {' '.join(str(error).split())}")


def _python() -> Report:
    return {"version": platform.python_version(), "executable": sys.executable, "platform": platform.platform()}


def _spinbnn() -> Report:
    folder = resources.roots()[-1] / "spinbnn"
    return {"version": version("spinbnn"), "folder": str(folder), "commit": git_revision()}


def _simulators(problems: list[str]) -> Report:
    """Find ngspice and let each driver solve one divider: 1 V across two equal resistors gives 0.5 V."""
    from ..circuit.simulator import Deck, NgspiceBatch, NgspiceInstallation, NgspiceShared, find_ngspice

    found = NgspiceInstallation()
    with _reported(problems, "ngspice"):
        found = find_ngspice()
    report: Report = {"version": found.version or None, "library": found.library, "program": found.executable, "prefix": found.prefix}
    drivers: list[tuple[str, type[NgspiceShared] | type[NgspiceBatch], str]] = [
        ("PySpice", NgspiceShared, "no libngspice" if found.library is None else ""),
        ("batch", NgspiceBatch, "no program ngspice" if found.executable is None else ""),
    ]
    if not importable("PySpice"):
        drivers[0] = ("PySpice", NgspiceShared, "PySpice is missing: pip install 'spinbnn[spice]'")
    deck = Deck(text="V1 a 0 1\nR1 a b 1e3\nR2 b 0 1e3", name="doctor", save=("v(b)",))
    for name, driver, missing in drivers:
        if missing:
            report[name] = f"not run ({missing})"
            continue
        before = len(problems)
        with _reported(problems, f"ngspice through {name}"), driver(workers=1, timeout=30.0, installation=found) as simulator:
            (result,) = simulator.run([deck])
            volts = float(result.require().waveforms["v(b)"][0])
            if abs(volts - 0.5) > 1e-6:
                problems.append(f"ngspice through {name}: a divider gives {volts!r} V instead of 0.5 V")
        report[name] = "ok" if len(problems) == before else "failed"
    return report


def _threads(with_torch: bool) -> Report:
    report: Report = {"cpu_count": os.cpu_count(), "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None}
    report["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS")
    report["torch"] = None
    if with_torch:
        import torch

        report["torch"] = torch.get_num_threads()
    return report


def _gpus(with_torch: bool) -> list[str] | None:
    """Return the CUDA devices that torch can use; None if there is no torch to ask."""
    if not with_torch:
        return None
    import torch

    return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []


def _data(with_torch: bool, problems: list[str]) -> dict[str, str] | None:
    """Return where each data set would come from, empty if it is not at hand; None without torch."""
    if not with_torch:
        return None
    from ..data import available

    with _reported(problems, "data sets"):
        return available()
    return {}


def _assumed(problems: list[str]) -> dict[str, list[str]]:
    """Return the assumed numbers of every device, array and technology that is found, by its name."""
    from .. import files
    from ..circuit.technology import assumed_numbers
    from ..crossbar import ArrayParams
    from ..device import DeviceParams

    found: dict[str, list[str]] = {}
    for name, path in resources.available("device").items():
        with _reported(problems, f"device_params/{path.name}"):
            schema = str(files.read_toml(path).get("schema", ""))
            if schema.startswith("spinbnn.technology/"):
                found[name] = list(assumed_numbers(path))
            elif schema.startswith("spinbnn.device/"):
                quantities = DeviceParams.load(path).assumed
                found[name] = [f"{q.key} = {f'{q.value:g}' if q.unit == '1' else q}" for q in quantities]
            elif schema.startswith("spinbnn.array/"):
                found[name] = [f"{q.key} = {q}" for q in ArrayParams.load(path).assumed]
    return found


def _libraries(problems: list[str]) -> dict[str, Report]:
    """Return where the foundry's library of each technology lies that needs one: its file, how it was found, its version."""
    from .. import files
    from ..circuit.technology import find_library

    found: dict[str, Report] = {}
    for name, path in resources.available("device").items():
        with _reported(problems, f"device_params/{path.name}"):
            if not str(files.read_toml(path).get("schema", "")).startswith("spinbnn.technology/"):
                continue
            try:
                library = find_library(path)
            except MissingToolError as error:
                found[name] = {"file": None, "origin": None, "version": None, "remedy": error.remedy}
                continue
            if library is not None:
                found[name] = {"file": str(library.path), "origin": library.origin, "version": library.version or None, "remedy": None}
    return found


def _resources() -> Report:
    counts = {kind: len(resources.available(kind)) for kind in resources.KINDS}
    return {"roots": [str(root) for root in resources.roots() if root.is_dir()], "counts": counts}


def examine() -> Report:
    """Look at the installation.

    Returns
    -------
    dict
        ``spinbnn``, ``python``, ``packages``, ``ngspice``, ``libraries``, ``threads``, ``gpu``, ``data``, ``assumed``,
        ``resources`` and ``problems``: one line for each thing that is installed and does not work. What is merely absent is no
        problem.
    """
    problems: list[str] = []
    found = packages()
    problems += [f"package {p.name}: {p.detail}" for p in found if p.status == "broken"]
    torch = examine_package("torch", "", "nn").status == "ok"
    core = all(p.status == "ok" for p in found if p.extra == "")
    report: Report = {"spinbnn": _spinbnn(), "python": _python(), "packages": [p.as_dict() for p in found]}
    if core:
        report["ngspice"] = _simulators(problems)
        report["assumed"] = _assumed(problems)
        report["libraries"] = _libraries(problems)
    report["threads"], report["gpu"] = _threads(torch), _gpus(torch)
    report["data"] = _data(torch and core, problems)
    report["resources"] = _resources()
    return report | {"problems": problems}


def _package_table(report: Report) -> Table:
    rows = [[p["name"], p["version"] or "-", p["extra"] or "core", _verdict(p)] for p in report["packages"]]
    note = "" if rows else "spinbnn itself is not installed here, so nothing is declared: pip install -e ."
    return Table("Packages", ["package", "version", "extra", "state"], rows, note=note)


def _verdict(package: Report) -> str:
    if package["status"] != "missing":
        return package["status"] + (f": {package['detail']}" if package["detail"] else "")
    return f"missing: pip install 'spinbnn[{package['extra']}]'" if package["extra"] else "missing: pip install spinbnn"


def _tool_rows(report: Report) -> Iterator[list[str]]:
    own, python, threads = report["spinbnn"], report["python"], report["threads"]
    yield ["spinbnn", f"{own['version'] or 'not installed'}{', commit ' + own['commit'] if own['commit'] else ''}; {own['folder']}"]
    yield ["Python", f"{python['version']}; {python['executable']}; {python['platform']}"]
    if "ngspice" in report:
        ngspice = report["ngspice"]
        lacking = ngspice["library"] is None and ngspice["program"] is None
        where = f"library {ngspice['library'] or 'missing'}; program {ngspice['program'] or 'missing'}"
        yield ["ngspice", "missing: apt-get install ngspice libngspice0, or make setup" if lacking else f"{ngspice['version'] or 'version unknown'}; {where}"]
        yield ["ngspice drivers", f"PySpice: {ngspice['PySpice']}; batch: {ngspice['batch']}"]
    for name, library in report.get("libraries", {}).items():
        known = f"{library['version'] or 'version unknown'}; {library['origin']}; {library['file']}"
        yield [f"library of {name}", known if library["file"] else f"missing: {library['remedy']}"]
    usable = f", {threads['usable']} usable" if threads["usable"] else ""
    yield ["threads", f"{threads['cpu_count']} processors{usable}; OMP_NUM_THREADS {threads['OMP_NUM_THREADS'] or 'not set'}; torch {threads['torch'] or '-'}"]
    gpus = report["gpu"]
    yield ["GPU", "unknown: needs extra nn" if gpus is None else ", ".join(gpus) or "none"]


def _found_rows(report: Report) -> Iterator[list[str]]:
    if report["data"] is None:
        yield ["data sets", "needs extra nn"]
    else:
        for name, origin in report["data"].items():
            yield [f"data set {name}", origin or "not at hand"]
    counts = report["resources"]["counts"]
    yield ["resources", ", ".join(f"{count} {kind}" for kind, count in counts.items())]
    yield ["looked in", "; ".join(report["resources"]["roots"])]


def _compact(keys: list[str]) -> str:
    """Write ``a.x; a.y; a.z`` as ``a.* (3)`` where three or more keys without a value share a group."""
    groups = Counter(key.rpartition(".")[0] for key in keys if "=" not in key and "." in key)
    wide = {group for group, count in groups.items() if count >= 3}
    kept = [f"{key.rpartition('.')[0]}.* ({groups[key.rpartition('.')[0]]})" if key.rpartition(".")[0] in wide else key for key in keys]
    return "; ".join(dict.fromkeys(kept))


def _console() -> Console:
    # A pipe has no width; lines are then left whole, so that they can be searched.
    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(width=240)


def _show(report: Report) -> None:
    console = _console()
    console.print(Table("Environment", ["what", "found"], list(_tool_rows(report))).rich())
    console.print(_package_table(report).rich())
    console.print(Table("Data and resources", ["what", "found"], list(_found_rows(report))).rich())
    rows = [[name, str(len(keys)), _compact(keys)] for name, keys in report.get("assumed", {}).items() if keys]
    console.print(Table("Assumed numbers (nobody measured them)", ["set", "count", "numbers"], rows).rich())
    for problem in report["problems"]:
        click.secho("problem: ", fg="red", bold=True, nl=False)
        click.echo(problem)
    click.echo("everything that is installed works" if not report["problems"] else f"{len(report['problems'])} problem(s)")


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--transistors", metavar="[TECHNOLOGY]", is_flag=False, flag_value="cmos40lp",
    help="Instead measure the transistors of a technology (file or name; cmos40lp by default) in every corner and against their published targets; exit code 1 if one is missed.",
)  # fmt: skip
def command(as_json: bool, transistors: str | None) -> None:
    """Report what is installed, found and assumed; exit code 3 if something that is installed does not work."""
    if transistors is not None:
        sys.exit(0 if check_transistors(transistors, as_json=as_json, console=_console()) else 1)
    report = examine()
    if as_json:
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _show(report)
    if report["problems"]:
        sys.exit(3)

