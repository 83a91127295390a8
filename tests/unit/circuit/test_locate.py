"""Where ngspice is looked for; with made-up folders, so that it runs without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinbnn.circuit.simulator import NgspiceInstallation, find_ngspice, locate
from spinbnn.errors import MissingToolError

SPINIT = "set x\nif $?xspice_enabled\n codemodel /usr/lib/x86_64-linux-gnu/ngspice/analog.cm\nend\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An unpacked installation: library, start-up file, and a program that answers like ngspice 39."""
    root = tmp_path / "unpacked"
    for name, text in (
        ("usr/lib/x86_64-linux-gnu/libngspice.so.0", ""),
        ("usr/share/ngspice/scripts/spinit", SPINIT),
        ("usr/bin/ngspice", "#!/bin/sh\necho '** ngspice-39 : Circuit level simulation program'\n"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    (root / "usr/bin/ngspice").chmod(0o755)
    return root


def test_a_named_prefix_wins(prefix: Path) -> None:
    found = find_ngspice({"SPINBNN_NGSPICE": str(prefix), "PATH": "/usr/bin:/bin"})
    assert found == NgspiceInstallation(
        library=str(prefix / "usr/lib/x86_64-linux-gnu/libngspice.so.0"),
        executable=str(prefix / "usr/bin/ngspice"),
        version="39",
        scripts=str(prefix / "usr/share/ngspice"),
        prefix=str(prefix),
    )


def test_a_named_place_without_ngspice_is_an_error(tmp_path: Path) -> None:
    for variable, value in (
        ("SPINBNN_NGSPICE", str(tmp_path)),
        ("NGSPICE_LIBRARY_PATH", str(tmp_path / "libngspice.so")),
    ):
        with pytest.raises(MissingToolError) as caught:
            find_ngspice({variable: value, "PATH": ""})
        assert (
            caught.value.where == variable
            and caught.value.value == value
            and "apt-get" in caught.value.remedy
        )


def test_a_named_library_takes_the_program_beside_it(prefix: Path) -> None:
    library = str(prefix / "usr/lib/x86_64-linux-gnu/libngspice.so.0")
    found = find_ngspice({"NGSPICE_LIBRARY_PATH": library, "PATH": ""})
    assert (found.library, found.executable) == (library, str(prefix / "usr/bin/ngspice"))


def test_a_bare_library_name_is_left_to_the_loader() -> None:
    assert find_ngspice({"NGSPICE_LIBRARY_PATH": "libngspice.so.0", "PATH": ""}).library == "libngspice.so.0"


def test_a_local_folder_is_used_where_the_system_has_none(
    prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix.rename(prefix.parent / ".ngspice")
    monkeypatch.chdir(prefix.parent)
    monkeypatch.setattr(locate, "_system_library", lambda env: None)
    found = find_ngspice({"PATH": "/bin-without-ngspice"})
    assert found.prefix == str(prefix.parent / ".ngspice")
    assert found.library is not None and found.library.startswith(found.prefix)


def test_absent_parts_are_asked_for_only_when_needed() -> None:
    nothing = NgspiceInstallation()
    with pytest.raises(MissingToolError, match="libngspice"):
        nothing.require_library()
    with pytest.raises(MissingToolError, match="no program"):
        nothing.require_executable()


def test_the_environment_is_made_for_the_process_alone(prefix: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    base = {"PATH": "/usr/bin", "SPICE_ASCIIRAWFILE": "1", "OMP_NUM_THREADS": "8"}
    env = find_ngspice({"SPINBNN_NGSPICE": str(prefix), "PATH": "/usr/bin:/bin"}).environment(folder, base)
    assert base["OMP_NUM_THREADS"] == "8" and "SPICE_LIB_DIR" not in base
    assert "SPICE_ASCIIRAWFILE" not in env and env["OMP_THREAD_LIMIT"] == "1"
    assert env["NGSPICE_LIBRARY_PATH"].endswith("libngspice.so.0")
    assert env["LD_LIBRARY_PATH"] == str(prefix / "usr/lib/x86_64-linux-gnu")  # its libgomp may be there only
    assert "set num_threads=1" in (folder / ".spiceinit").read_text()
    spinit = (Path(env["SPICE_LIB_DIR"]) / "scripts" / "spinit").read_text()
    assert f"codemodel {prefix}/usr/lib/x86_64-linux-gnu/ngspice/analog.cm" in spinit


def test_a_corrected_start_up_file_is_not_corrected_twice(prefix: Path, tmp_path: Path) -> None:
    spinit = prefix / "usr/share/ngspice/scripts/spinit"
    spinit.write_text(SPINIT.replace("/usr/lib", f"{prefix}/usr/lib"), encoding="ascii")
    folder = tmp_path / "run"
    folder.mkdir()
    env = find_ngspice({"SPINBNN_NGSPICE": str(prefix), "PATH": "/usr/bin:/bin"}).environment(folder, {})
    assert (Path(env["SPICE_LIB_DIR"]) / "scripts" / "spinit").read_text() == spinit.read_text()
