"""What ``spinbnn doctor`` says of the Python packages that spinbnn declares."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from dataclasses import asdict, dataclass

from ..provenance import version

RUNTIME_EXTRAS = ("", "spice", "nn", "fast", "report")
"""Extras that users run with, the core first; of ``dev``, ``docs`` and the like nothing is said."""

_MODULES = {"scikit-learn": "sklearn", "pyspice": "PySpice"}
_REQUIREMENT = re.compile(r"""^([\w.-]+)(?:\[[^]]*\])?\s*(?:>=\s*([\d.]+))?[^;]*(?:;.*\bextra\s*==\s*['"]([\w-]+)['"])?""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One declared package: which extra brings it, what is installed, and whether it can be imported.

    Parameters
    ----------
    name : str
        Name of the distribution.
    extra : str
        The extra that brings it; empty for the core.
    version : str or None
        Installed version.
    status : str
        ``"ok"``, ``"missing"`` or ``"broken"`` (installed, and cannot be imported or is too old).
    detail : str
        Why it is broken.
    """

    name: str
    extra: str
    version: str | None
    status: str
    detail: str = ""

    def as_dict(self) -> dict[str, str | None]:
        """Return the fields as a dictionary."""
        return asdict(self)


def importable(module: str) -> bool:
    """Say whether a module can be imported, by importing it; `ImportError` of what it needs in turn passes through.

    Examples
    --------
    >>> importable("json"), importable("no_such_module_anywhere")
    (True, False)
    """
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            return False
        raise
    return True


def older(installed: str, needed: str) -> bool:
    """Compare the leading numbers of two versions.

    Examples
    --------
    >>> older("2.5.1+cpu", "2.6"), older("2.13.0", "2.6"), older("3.0", "3")
    (True, False, False)
    """

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", text.split("+")[0])]

    have, want = numbers(installed), numbers(needed)
    width = max(len(have), len(want))
    return have + [0] * (width - len(have)) < want + [0] * (width - len(want))


def parse_requirement(text: str) -> tuple[str, str, str]:
    """Return distribution, lowest version and extra of one line of a distribution's metadata.

    Examples
    --------
    >>> parse_requirement("torch>=2.6; extra == 'nn'"), parse_requirement("numpy>=2.0")
    (('torch', '2.6', 'nn'), ('numpy', '2.0', ''))
    """
    match = _REQUIREMENT.match(text)
    return ("", "", "") if match is None else (match.group(1), match.group(2) or "", match.group(3) or "")


def examine_package(name: str, needed: str, extra: str) -> Package:
    """Import one package and say how it is; whatever an import raises is the finding, so all of it is caught."""
    try:
        there = importable(_MODULES.get(name.lower(), name))
    except Exception as error:
        return Package(name=name, extra=extra, version=version(name), status="broken", detail=f"{type(error).__name__}: {error}")
    if not there:
        return Package(name=name, extra=extra, version=None, status="missing")
    installed = version(name)
    if installed and needed and older(installed, needed):
        return Package(name=name, extra=extra, version=installed, status="broken", detail=f"too old, needs {needed}")
    return Package(name=name, extra=extra, version=installed, status="ok")


def declared() -> list[tuple[str, str, str]]:
    """Return distribution, lowest version and extra of every package of the runtime extras, from spinbnn's metadata.

    Empty where spinbnn itself is not installed (a checkout on the path), because nothing is declared then.
    """
    try:
        lines = importlib.metadata.requires("spinbnn") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [parse_requirement(line) for line in lines]
    return sorted((r for r in found if r[2] in RUNTIME_EXTRAS), key=lambda r: (RUNTIME_EXTRAS.index(r[2]), r[0].lower()))


def extra_of(module: str) -> str:
    """Return the extra that brings a module, empty if none of ours does.

    Examples
    --------
    >>> extra_of("json")
    ''
    """
    top = module.partition(".")[0]
    return next((extra for name, _, extra in declared() if top in (name, _MODULES.get(name.lower()))), "")


def packages() -> list[Package]:
    """Examine every declared package of the runtime extras."""
    return [examine_package(*requirement) for requirement in declared()]
