"""Which of our files are in the hash of a dropout flow: all that its decks, their simulation and its measures go through."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import spinbnn
from spinbnn.circuit import DropoutModuleBench, dropout_bench
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench

PACKAGE = Path(spinbnn.__file__).resolve().parent
ROOTS = (
    "circuit/dropout_bench.py", "circuit/dropout_variants.py", "circuit/simulator/worker.py",  # a process of its own, imported by nobody
    "device/parameters.py", "device/temperature.py", "device/switching/__init__.py", "device/variation/__init__.py",
)  # fmt: skip
NO_NUMBERS = {
    "circuit/__init__.py": "exports",
    "circuit/flow_keys.py": "refuses keys of flow files, gives none back changed; what is read stands in the bench's identity",
    "circuit/pdk.py": "finds the foundry's files; their content is in the technology's hash",
    "circuit/shared_module.py": "a bench upon this one, reached by the exports alone",
    "circuit/simulator/__init__.py": "exports",
    "circuit/simulator/analytic.py": "runs a formula in place of ngspice: another simulator, whose tables have its own name",
    "circuit/simulator/checks.py": "refuses arguments",
    "circuit/simulator/driver.py": "order, timing and closing",
    "circuit/simulator/locate.py": "finds ngspice, whose version is in the table's simulator",
    "circuit/simulator/ordered.py": "order of results",
    "circuit/simulator/process.py": "starts and kills workers; what they send goes through wire.py",
    "circuit/simulator/shared.py": "hands decks to workers",
    "circuit/simulator/worker.py": "hands decks to session.py and its results to wire.py",
    "device/statistics.py": "errors of a table of counted switchings; the benches' junction is a formula",
    "errors.py": "messages",
    "files.py": "reads and hashes files",
    "resources.py": "finds files",
    "tables.py": "prints",
}
"""Modules that are reached and cannot change a number, each with the reason."""


def imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports, as paths below it."""
    path = PACKAGE / name
    here = path.relative_to(PACKAGE).parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level or not (node.module or "").startswith("spinbnn"), f"{name} imports spinbnn by its full name: this walk would miss it"
            if not node.level:
                continue
            parts = here[: len(here) - node.level + 1] + tuple((node.module or "").split(".") if node.module else ())
            for target in (parts, *((*parts, alias.name) for alias in node.names)):
                stem = "/".join(target)
                found |= {each for each in (f"{stem}.py", f"{stem}/__init__.py") if (PACKAGE / each).is_file()}
    return found


def reached() -> set[str]:
    """Return every module that the benches import, directly or not; a package that only exports is not followed."""
    seen: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in seen or name in ("__init__.py", "device/__init__.py"):
            continue
        seen.add(name)
        waiting += imports(name)
    return seen


def listed(name: str) -> bool:
    return any(name == source or name.startswith(f"{source}/") for source in dropout_bench.SOURCES)


def test_every_module_that_is_reached_is_hashed_or_excused() -> None:
    found = reached()
    assert len(found) > 30, "the walk does not walk"
    missing = sorted(name for name in found if not listed(name) and name not in NO_NUMBERS)
    assert not missing, f"neither in SOURCES nor excused: {missing}"


def test_nothing_is_listed_in_vain() -> None:
    """A source that is not reached makes tables stale for nothing; an excuse that nobody needs hides a mistake."""
    found = reached()
    assert sorted(name for name in dropout_bench.SOURCES if name.endswith(".py") and name not in found) == []
    assert set(NO_NUMBERS) <= found
    assert not [name for name in NO_NUMBERS if listed(name)]


@pytest.mark.parametrize("name", ["area", "logic_bench", "sense_offset", "targets", "transistor", "inverter", "netlist", "dropout_analytic"])
def test_other_benches_do_not_make_tables_stale(name: str) -> None:
    assert (PACKAGE / "circuit" / f"{name}.py").is_file() and not listed(f"circuit/{name}.py")


@pytest.mark.parametrize("bench", [DropoutModuleBench, RegulatedModuleBench, TrimmedModuleBench])
def test_a_bench_lists_its_own_file(bench: type[DropoutModuleBench]) -> None:
    assert f"{bench.__module__.removeprefix('spinbnn.').replace('.', '/')}.py" in bench.sources
