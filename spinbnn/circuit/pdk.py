"""Where a foundry's library lies: a file beside the technology, a process design kit, or an installed package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, MissingToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryPlace:
    """Where to look for the root file of a library; the first place that has it wins.

    Attributes
    ----------
    file : str
        A path; relative ones start from the technology's file. If given, nothing else is looked at.
    variable : str
        Environment variable with the root of the design kits, such as ``PDK_ROOT``.
    paths : tuple of str
        Paths below that root, best first.
    version_file : str
        File below that root whose text says the version.
    package, package_path : str
        Python package that holds the library, and the path within it. The package is never imported.
    remedy : str
        What to do if it is found nowhere.
    """

    file: str = ""
    variable: str = ""
    paths: tuple[str, ...] = ()
    version_file: str = ""
    package: str = ""
    package_path: str = ""
    remedy: str = ""

    def find(self, technology: Path, environment: Mapping[str, str] | None = None) -> FoundLibrary:
        """Return where the library is.

        Parameters
        ----------
        technology : Path
            The technology's file.
        environment : mapping, optional
            Environment variables; those of this process by default.

        Raises
        ------
        MissingToolError
            If it is not on this machine.
        DataError
            If a place that is named does not hold it.

        Examples
        --------
        >>> LibraryPlace(variable="MY_PDK", paths=("x.lib",), remedy="set MY_PDK").find(Path("my.toml"), {})
        Traceback (most recent call last):
        spinbnn.errors.MissingToolError: the transistor library is not on this machine
          where:  my.toml, key 'library': $MY_PDK (not set)
          remedy: set MY_PDK
        """
        where = f"{technology.name}, key 'library'"
        if self.file:
            path = technology.parent / Path(self.file).expanduser()
            if not path.is_file():
                raise DataError("no such transistor library", where=f"{where}.file", value=self.file, remedy=f"it is looked for at {path}")
            return FoundLibrary(path=path.resolve(), origin="file", version="")
        tried: list[str] = []
        if self.variable and (found := self._in_kit(environment, where, tried)) is not None:
            return found
        if self.package and (found := self._in_package(where, tried)) is not None:
            return found
        raise MissingToolError("the transistor library is not on this machine", where=f"{where}: {'; '.join(tried) or 'no place is named'}", remedy=self.remedy or "name a file, a variable or a package in [library]")

    def _in_kit(self, environment: Mapping[str, str] | None, where: str, tried: list[str]) -> FoundLibrary | None:
        root = (os.environ if environment is None else environment).get(self.variable, "")
        if not root:
            tried.append(f"${self.variable} (not set)")
            return None
        for name in self.paths:
            if (path := Path(root).expanduser() / name).is_file():
                return FoundLibrary(path=path.resolve(), origin=f"${self.variable}", version=_first_line(Path(root).expanduser() / self.version_file) if self.version_file else "")
        kits = sorted({name.split("/", 1)[0] for name in self.paths})
        if here := [kit for kit in kits if (Path(root).expanduser() / kit).is_dir()]:
            raise DataError(
                f"the design kit {' and '.join(here)} lacks the transistor library", where=f"{where}, ${self.variable}; looked for {', '.join(self.paths)}",
                value=root, remedy=f"install the design kit again, or correct or unset {self.variable}" + (f" ({self.remedy})" if self.remedy else ""),
            )  # fmt: skip
        tried.append(f"${self.variable} = {root!r} (holds no {' or '.join(kits)})")
        return None

    def _in_package(self, where: str, tried: list[str]) -> FoundLibrary | None:
        spec = importlib.util.find_spec(self.package)
        installed = spec is not None and spec.origin is not None  # a folder of that name in the way is no package
        folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec is not None and installed else []
        for folder in folders:
            if (path := folder / self.package_path).is_file():
                try:
                    version = f"{self.package} {importlib.metadata.version(self.package)}"
                except importlib.metadata.PackageNotFoundError:
                    version = ""
                return FoundLibrary(path=path.resolve(), origin=f"package {self.package}", version=version)
        if folders:
            raise DataError("the package that should hold the transistor library does not", where=f"{where}.package_path", value=str(folders[0] / self.package_path), remedy=f"install it again: {self.remedy}" if self.remedy else "install it again")
        tried.append(f"package {self.package} (not installed)")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLibrary:
    """Where a library was found.

    Attributes
    ----------
    path : Path
        Its root file.
    origin : str
        ``"file"``, ``"$VARIABLE"`` or ``"package NAME"``.
    version : str
        What is known of its version; empty if nothing is.
    """

    path: Path
    origin: str
    version: str


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return lines[0].strip()
