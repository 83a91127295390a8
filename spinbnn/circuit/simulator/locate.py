"""Find ngspice: its shared library, its program, and the folder of its start-up files."""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import MissingToolError

INSTALL = (
    "install both halves: apt-get install ngspice libngspice0; or unpack them without root into a folder "
    "and name it in SPINBNN_NGSPICE; or point NGSPICE_LIBRARY_PATH at libngspice.so"
)

_LIBRARIES = ("libngspice.so.0", "libngspice.so", "libngspice.0.dylib", "libngspice.dylib")
_SYSTEM_FOLDERS = ("/usr/lib", "/usr/local/lib", "/usr/lib64", "/opt/homebrew/lib", "/opt/local/lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class NgspiceInstallation:
    """One ngspice.

    Parameters
    ----------
    library : str or None
        Path (or loader name) of libngspice; None if there is none.
    executable : str or None
        Path of the program ``ngspice``; None if there is none.
    version : str
        Version the program reports, such as ``"39"``; empty if it cannot be asked.
    scripts : str or None
        Folder for SPICE_LIB_DIR, holding ``scripts/spinit``; None leaves it to ngspice's own default.
    prefix : str or None
        Root of an unpacked installation; None for one of the system.
    """

    library: str | None = None
    executable: str | None = None
    version: str = ""
    scripts: str | None = None
    prefix: str | None = None

    def require_library(self) -> str:
        """Return the library, or raise `MissingToolError` with the way to get it."""
        if self.library is None:
            raise MissingToolError(
                "no shared library of ngspice (libngspice)", where="ngspice", remedy=INSTALL
            )
        return self.library

    def require_executable(self) -> str:
        """Return the program, or raise `MissingToolError` with the way to get it."""
        if self.executable is None:
            raise MissingToolError("no program ngspice", where="PATH", remedy=INSTALL)
        return self.executable

    def environment(self, folder: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Prepare the folder of one simulator process and return its environment.

        The folder gets a ``.spiceinit``, which takes the place of a user's own and sets one thread
        (ngspice's OpenMP loops spin: one sample a second where one thread gives thirty). An unpacked
        installation also gets a start-up file with the paths of its own code models in it, because the
        packaged one names those of the system.

        Parameters
        ----------
        folder : Path
            Existing folder, the working directory of the process.
        base : mapping, optional
            Environment to start from; that of this process by default. It is not changed.
        """
        (folder / ".spiceinit").write_text("set num_threads=1\nunset askquit\n", encoding="ascii")
        env = dict(os.environ if base is None else base)
        for name in ("SPICE_ASCIIRAWFILE", "SPICE_SCRIPTS", "NGSPICE_INPUT_DIR"):
            env.pop(name, None)
        env.update(OMP_NUM_THREADS="1", OMP_THREAD_LIMIT="1")
        env.setdefault("HOME", str(folder))  # without it ngspice 39 dies of a segmentation fault
        if self.library is not None:
            env["NGSPICE_LIBRARY_PATH"] = self.library
        if self.prefix is not None:
            # what ngspice links to (libgomp, the window half) may stand in the prefix only
            folders = [env.get("LD_LIBRARY_PATH", ""), *map(str, _library_folders(Path(self.prefix)))]
            if found := os.pathsep.join(filter(None, folders)):
                env["LD_LIBRARY_PATH"] = found
        if self.prefix is not None and self.scripts is not None:
            home = folder / "spice"
            (home / "scripts").mkdir(parents=True, exist_ok=True)
            text = (Path(self.scripts) / "scripts" / "spinit").read_text(encoding="utf-8")
            text = re.sub(
                r"^(\s*(?:codemodel|osdi)\s+)(?=/usr/)", rf"\g<1>{self.prefix}", text, flags=re.MULTILINE
            )
            (home / "scripts" / "spinit").write_text(text, encoding="utf-8")
            env["SPICE_LIB_DIR"] = str(home)
        return env


def find_ngspice(environ: Mapping[str, str] | None = None) -> NgspiceInstallation:
    """Look for ngspice and return what there is; never raises for an absent part unless it was named.

    Order: the prefix in ``SPINBNN_NGSPICE``; the library in ``NGSPICE_LIBRARY_PATH``; the system; a folder
    ``.ngspice`` in the working directory or beside the package's checkout. The first that has both library
    and program wins, then the first that has either, so that both drivers run the same ngspice.

    Parameters
    ----------
    environ : mapping, optional
        Environment to read; that of this process by default.

    Raises
    ------
    MissingToolError
        If a variable names a place where there is no ngspice.

    Examples
    --------
    >>> installation = find_ngspice({})
    >>> installation.version == "" or installation.executable is not None
    True
    """
    env = os.environ if environ is None else environ
    candidates = list(_candidates(env))
    best = max(candidates, key=lambda c: (c.library is not None) + (c.executable is not None))
    named = candidates[0] if env.get("SPINBNN_NGSPICE") or env.get("NGSPICE_LIBRARY_PATH") else None
    chosen = named or best
    version = _version(chosen, env) if chosen.executable else ""
    return NgspiceInstallation(
        library=chosen.library,
        executable=chosen.executable,
        version=version,
        scripts=chosen.scripts,
        prefix=chosen.prefix,
    )


def _candidates(env: Mapping[str, str]) -> Iterator[NgspiceInstallation]:
    if named := env.get("SPINBNN_NGSPICE"):
        found = _unpacked(Path(named).expanduser().absolute())
        if found.library is None and found.executable is None:
            raise MissingToolError(
                "no ngspice below this prefix", where="SPINBNN_NGSPICE", value=named, remedy=INSTALL
            )
        yield found
    program = shutil.which("ngspice", path=env.get("PATH"))
    if library := env.get("NGSPICE_LIBRARY_PATH"):
        if os.sep in library and not Path(library).is_file():
            raise MissingToolError(
                "no such library", where="NGSPICE_LIBRARY_PATH", value=library, remedy=INSTALL
            )
        beside = next(
            (
                str(p / "bin" / "ngspice")
                for p in Path(library).absolute().parents
                if os.sep in library and (p / "bin" / "ngspice").is_file()
            ),
            program,
        )
        yield NgspiceInstallation(library=library, executable=beside)
    yield NgspiceInstallation(library=_system_library(env), executable=program)
    for folder in (Path.cwd(), *Path(__file__).resolve().parents[3:4]):
        if (folder / ".ngspice").is_dir():
            yield _unpacked(folder / ".ngspice")


def _system_library(env: Mapping[str, str]) -> str | None:
    if name := ctypes.util.find_library("ngspice"):
        return name
    folders = [*env.get("LD_LIBRARY_PATH", "").split(os.pathsep), f"{sys.prefix}/lib", *_SYSTEM_FOLDERS]
    for folder in filter(None, folders):
        if found := _library_below(Path(folder)):
            return found
    return None


def _library_below(folder: Path) -> str | None:
    """Return libngspice in a folder or in one of its multi-arch subfolders."""
    for name in _LIBRARIES:
        for path in (folder / name, *sorted(folder.glob(f"*-linux-gnu*/{name}"))):
            if path.is_file():
                return str(path)
    return None


def _library_folders(prefix: Path) -> list[Path]:
    """Return the multi-arch library folders of an unpacked installation."""
    return [path for part in ("usr/lib", "lib") for path in sorted((prefix / part).glob("*-linux-gnu*")) if path.is_dir()]


def _unpacked(prefix: Path) -> NgspiceInstallation:
    library = _library_below(prefix / "usr" / "lib") or _library_below(prefix / "lib")
    programs = [p for p in (prefix / "usr" / "bin" / "ngspice", prefix / "bin" / "ngspice") if p.is_file()]
    scripts = [
        p
        for p in (prefix / "usr" / "share" / "ngspice", prefix / "share" / "ngspice")
        if (p / "scripts" / "spinit").is_file()
    ]
    return NgspiceInstallation(
        library=library,
        executable=str(programs[0]) if programs else None,
        scripts=str(scripts[0]) if scripts else None,
        prefix=str(prefix),
    )


def _version(installation: NgspiceInstallation, env: Mapping[str, str]) -> str:
    """Ask the program; an unpacked one may lack the libraries of its window half and not start at all."""
    try:
        answer = subprocess.run(
            [str(installation.executable), "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            env=dict(env),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.search(r"ngspice-(\S+)", answer.stdout)
    return match.group(1) if match else ""
