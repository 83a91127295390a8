"""Where a foundry's library is looked for, and what is said when it is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spinbnn.circuit.pdk import LibraryPlace
from spinbnn.errors import DataError, MissingToolError

PLACE = LibraryPlace(
    variable="MY_PDK", paths=("kitA/new/x.lib", "kitA/old/x.lib"), version_file="kitA/SOURCES",
    package="made_up_pdk", package_path="models/x.lib", remedy="pip install made_up_pdk",
)  # fmt: skip
TOML = Path("my.toml")


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, *, init: str = "raise RuntimeError('imported')") -> Path:
    write(folder / "made_up_pdk" / "__init__.py", init)
    monkeypatch.syspath_prepend(str(folder))
    return folder / "made_up_pdk"


def test_kit_before_package_and_the_first_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = write(package(tmp_path / "site", monkeypatch) / "models" / "x.lib")
    old = write(tmp_path / "pdk" / "kitA" / "old" / "x.lib")
    environment = {"MY_PDK": str(tmp_path / "pdk")}
    assert PLACE.find(TOML, environment).path == old
    assert PLACE.find(TOML, environment).version == ""
    new = write(tmp_path / "pdk" / "kitA" / "new" / "x.lib")
    write(tmp_path / "pdk" / "kitA" / "SOURCES", "open_pdks abc\nmore\n")
    found = PLACE.find(TOML, environment)
    assert (found.path, found.origin, found.version) == (new, "$MY_PDK", "open_pdks abc")
    found = PLACE.find(TOML, {})
    assert (found.path, found.origin, found.version) == (inside, "package made_up_pdk", "")
    assert "made_up_pdk" not in sys.modules, "the package is never imported"


def test_a_root_of_other_kits_falls_back_to_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"MY_PDK": str(tmp_path)}
    with pytest.raises(MissingToolError, match="not on this machine") as caught:
        PLACE.find(TOML, environment)
    assert all(word in caught.value.where for word in ("my.toml", f"$MY_PDK = {str(tmp_path)!r} (holds no kitA)", "package made_up_pdk (not installed)"))
    assert caught.value.remedy == "pip install made_up_pdk"
    inside = write(package(tmp_path / "site", monkeypatch) / "models" / "x.lib")
    assert PLACE.find(TOML, environment).path == inside


def test_a_kit_without_its_library_is_damaged_even_beside_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package(tmp_path / "site", monkeypatch) / "models" / "x.lib")
    (tmp_path / "pdk" / "kitA").mkdir(parents=True)
    with pytest.raises(DataError, match="design kit kitA lacks") as caught:
        PLACE.find(TOML, {"MY_PDK": str(tmp_path / "pdk")})
    assert "kitA/old/x.lib" in caught.value.where and caught.value.value == str(tmp_path / "pdk") and "MY_PDK" in caught.value.remedy


def test_a_package_without_its_library_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch)
    with pytest.raises(DataError, match="does not") as caught:
        PLACE.find(TOML, {})
    assert "package_path" in caught.value.where and "x.lib" in str(caught.value.value)


def test_a_folder_of_that_name_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_pdk").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingToolError):
        PLACE.find(TOML, {})


def test_a_file_is_looked_for_beside_the_technology(tmp_path: Path) -> None:
    path = write(tmp_path / "sub" / "x.lib")
    assert LibraryPlace(file="sub/x.lib").find(tmp_path / "my.toml", {}).path == path
    assert LibraryPlace(file=str(path)).find(TOML, {}).origin == "file"
    with pytest.raises(DataError, match="no such transistor library") as caught:
        LibraryPlace(file="sub/y.lib").find(tmp_path / "my.toml", {})
    assert str(tmp_path / "sub" / "y.lib") in caught.value.remedy


def test_the_environment_is_that_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "kitA" / "old" / "x.lib")
    monkeypatch.setenv("MY_PDK", str(tmp_path))
    assert PLACE.find(TOML).path == path
