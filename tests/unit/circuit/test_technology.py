"""Technologies: mismatch and corners as drawn, what their hash follows, and files that are wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tolerances import STANDARD_ERRORS

from spinbnn import resources
from spinbnn.circuit import Technology
from spinbnn.circuit.technology import CornerShift
from spinbnn.errors import DataError, ParameterError, SpinbnnError

TECHNOLOGY = Technology.load("cmos40lp")
TEXT = resources.find("device", "cmos40lp").read_text(encoding="utf-8")
DRAWS = 4000
# four coefficients that differ, so that none can stand for another
UNEQUAL = replace(TECHNOLOGY, mismatch={"nmos_avt": 3.5e-9, "pmos_avt": 5e-9, "nmos_abeta": 1e-8, "pmos_abeta": 1.7e-8})


def write(folder: Path, old: str = "", new: str = "", *, count: int = 1) -> Path:
    assert TEXT.count(old) >= 1
    path = folder / "mine.toml"
    path.write_text(TEXT.replace(old, new, count), encoding="utf-8")
    return path


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_mismatch_is_pelgroms(polarity: str) -> None:
    """One transistor of W = 1.6 um, L = 80 nm: sigma(Vth) = A_VT / sqrt(2 W L), sigma(ln mobility) = A_beta / sqrt(2 W L)."""
    width, length, kind = 1.6e-6, 80e-9, f"{polarity}mos"
    drawn = np.array([UNEQUAL.transistor_shift(polarity, width, length=length, draw=(7, "m1", k)) for k in range(DRAWS)])
    root = math.sqrt(2 * width * length)
    columns = (
        (drawn[:, 0], UNEQUAL.mismatch[f"{kind}_avt"] / root),
        (np.log(drawn[:, 1]), UNEQUAL.mismatch[f"{kind}_abeta"] / root),
    )
    for values, sigma in columns:
        assert values.std(ddof=1) == pytest.approx(sigma, abs=STANDARD_ERRORS * sigma / math.sqrt(2 * (DRAWS - 1)))
        assert values.mean() == pytest.approx(0.0, abs=STANDARD_ERRORS * sigma / math.sqrt(DRAWS))
    correlation = np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]
    assert abs(correlation) < STANDARD_ERRORS / math.sqrt(DRAWS)


def test_length_is_the_technologys_by_default_and_no_draw_is_no_shift() -> None:
    draw = (1, "p1", 3)
    assert TECHNOLOGY.transistor_shift("p", 1e-6, draw=draw) == TECHNOLOGY.transistor_shift("p", 1e-6, length=40e-9, draw=draw)
    assert TECHNOLOGY.transistor_shift("n", 1e-6) == TECHNOLOGY.transistor_shift("p", 1e-6) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("corner", "n", "p"),
    [
        ("tt", "delvto={dvt} mulu0={mu}", "delvto={0-dvt} mulu0={mu}"),
        ("ss", "delvto={(dvt+(0.04))} mulu0={mu*0.95}", "delvto={0-(dvt+(0.04))} mulu0={mu*0.95}"),
        ("ff", "delvto={(dvt+(-0.04))} mulu0={mu*1.05}", "delvto={0-(dvt+(-0.04))} mulu0={mu*1.05}"),
        ("fs", "delvto={(dvt+(-0.04))} mulu0={mu*1.05}", "delvto={0-(dvt+(0.04))} mulu0={mu*0.95}"),
        ("sf", "delvto={(dvt+(0.04))} mulu0={mu*0.95}", "delvto={0-(dvt+(-0.04))} mulu0={mu*1.05}"),
    ],
)
def test_the_corner_stands_in_the_wrappers(corner: str, n: str, p: str) -> None:
    """Names n first: fs is a fast NMOS and a slow PMOS; slower is a larger dvt for both."""
    lines = [line for line in TECHNOLOGY.preamble(corner=corner).splitlines() if line.startswith("M1 ")]
    assert [line.split(" L={l} ")[1] for line in lines] == [n, p]
    assert TECHNOLOGY.preamble(corner=corner).split(".subckt nfet")[0] == TECHNOLOGY.preamble(corner="tt").split(".subckt nfet")[0]


def test_a_corner_that_does_not_exist_has_no_wrappers() -> None:
    with pytest.raises(ParameterError, match="no such corner"):
        TECHNOLOGY.preamble(corner="tf")


def test_draws_follow_seed_instance_and_number_and_nothing_else() -> None:
    """A technology's name is not in its hash: it must not be in its draws either."""
    renamed = replace(TECHNOLOGY, name="other", description="", origin="other.toml")
    seen = set()
    for draw in ((1, "p1", 0), (2, "p1", 0), (1, "p2", 0), (1, "p1", 1)):
        value = TECHNOLOGY.transistor_shift("p", 1e-6, draw=draw)
        assert renamed.transistor_shift("p", 1e-6, draw=draw) == value
        seen.add(value)
    assert len(seen) == 4
    assert renamed.content_hash == TECHNOLOGY.content_hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('supply = { value = "1.1 V"', 'supply = { value = "1.0 V"'),
        ('gate_length = { value = "40 nm"', 'gate_length = { value = "45 nm"'),
        ('nmos = "nlp"', 'nmos = "plp"'),
        ('nmos_vth_shift = { value = "-40 mV"', 'nmos_vth_shift = { value = "-41 mV"'),
        ("pmos_mobility = { value = 0.95", "pmos_mobility = { value = 0.94"),
        ('nmos_avt = { value = "3.5 mV um"', 'nmos_avt = { value = "3.6 mV um"'),
        ('pmos_abeta = { value = "1 % um"', 'pmos_abeta = { value = "2 % um"'),
        ("[corners.sf]", "[corners.xx]"),
    ],
)
def test_hash_follows_every_number(tmp_path: Path, old: str, new: str) -> None:
    assert Technology.load(write(tmp_path, old, new)).content_hash != TECHNOLOGY.content_hash


def test_hash_follows_the_models_as_they_were_loaded(tmp_path: Path) -> None:
    """What is simulated is the text of the time of loading, and the hash is that of this text."""
    models = resources.find("model", "cmos40lp").read_text(encoding="utf-8")
    beside = tmp_path / "cmos40lp.lib"
    beside.write_text(models, encoding="utf-8")
    mine = Technology.load(write(tmp_path))
    assert mine.model_path == beside and mine.content_hash == TECHNOLOGY.content_hash
    beside.write_text(models.replace("vth0=", "vth0=0.9 *"), encoding="utf-8")
    assert mine.preamble(corner="tt") == TECHNOLOGY.preamble(corner="tt")
    assert mine.content_hash == TECHNOLOGY.content_hash
    again = Technology.load(tmp_path / "mine.toml")
    assert again.content_hash != mine.content_hash and again.preamble(corner="tt") != mine.preamble(corner="tt")


def test_wrappers_take_the_technologys_length() -> None:
    lines = replace(TECHNOLOGY, gate_length=60e-9).preamble(corner="tt").splitlines()
    heads = [line for line in lines if line.startswith(".subckt")]
    assert heads == [f".subckt {kind} d g s b w=1u l=6e-08 dvt=0 mu=1" for kind in ("nfet", "pfet")]


def test_models_in_a_folder_must_be_there(tmp_path: Path) -> None:
    """A path that leads nowhere must not fall back to models of the same name that come with spinbnn."""
    with pytest.raises(DataError, match="no such model file") as caught:
        Technology.load(write(tmp_path, 'file = "cmos40lp.lib"', 'file = "mypdk/cmos40lp.lib"'))
    message = str(caught.value)
    assert all(word in message for word in ("mine.toml", "models.file", "mypdk/cmos40lp.lib", "remedy"))
    with pytest.raises(DataError, match="neither beside") as caught:
        Technology.load(write(tmp_path, 'file = "cmos40lp.lib"', 'file = "cmos41lp.lib"'))
    assert "mine.toml" in str(caught.value) and "did you mean 'cmos40lp'" in str(caught.value)
    (tmp_path / "mypdk").mkdir()
    (tmp_path / "mypdk" / "cmos40lp.lib").write_text(".model nlp nmos\n.model plp pmos\n", encoding="utf-8")
    mine = Technology.load(write(tmp_path, 'file = "cmos40lp.lib"', 'file = "mypdk/cmos40lp.lib"'))
    assert mine.model_path == tmp_path / "mypdk" / "cmos40lp.lib"
    assert Technology.load(write(tmp_path)).model_path == TECHNOLOGY.model_path  # a bare name: the shipped ones


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('supply = { value = "1.1 V"', 'supply = { value = "0 V"', ["'supply'", "> 0"]),
        ('supply = { value = "1.1 V"', 'supply = { value = "-1.1 V"', ["'supply'", "-1.1 V"]),
        ('gate_length = { value = "40 nm"', 'gate_length = { value = "-40 nm"', ["'gate_length'", "> 0"]),
        ('name = "cmos40lp"', "", ["'name'", "missing"]),
        ('name = "cmos40lp"', "name = 5", ["'name'", "5"]),
        ('name = "cmos40lp"', 'name = " "', ["'name'"]),
        ('models = { file = "cmos40lp.lib", nmos = "nlp", pmos = "plp" }', 'models = "cmos40lp.lib"', ["'models'", "TOML table"]),
        ('models = { file = "cmos40lp.lib", nmos = "nlp", pmos = "plp" }', "", ["'models'", "missing"]),
        ('file = "cmos40lp.lib"', "file = 5", ["'models.file'", "5"]),
        ('nmos = "nlp", ', "", ["'models.nmos'", "missing"]),
        ('nmos = "nlp"', 'nmos = "n lp"', ["'models.nmos'", "one word"]),
        ("nmos_mobility = { value = 1.05", "nmos_mobility = { value = 0.0", ["corners.ff.nmos_mobility", "> 0"]),
        ('nmos_avt = { value = "3.5 mV um"', 'nmos_avt = { value = "-3.5 mV um"', ["mismatch.nmos_avt", ">= 0"]),
        ('convention = "pair"', 'convention = "single"', ["mismatch.convention", "single"]),
        ('convention = "pair"', 'convention = "pair"\nnmos_awt = 1', ["mismatch", "nmos_awt", "did you mean"]),
        ("pmos_avt = { value", "pmos_avt = { walue", ["mismatch.pmos_avt", "value"]),
        ("[corners.tt]", "[corners.typical]", ["corners", "'tt'"]),
        ("[corners.ss]\nnmos_vth_shift", "[corners.ss]\nnmos_vth", ["corners.ss", "nmos_vth", "did you mean"]),
    ],
)
def test_bad_files_name_file_key_and_value(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    with pytest.raises(SpinbnnError) as caught:
        Technology.load(write(tmp_path, old, new))
    message = str(caught.value)
    assert all(word in message for word in ["mine.toml", "remedy", *words]), message


@pytest.mark.parametrize("section", ["corners", "mismatch", "targets", "targets_hot"])
def test_bare_text_in_place_of_a_table(tmp_path: Path, section: str) -> None:
    head = f'schema = "spinbnn.technology/1"\n{section} = "x"\n'
    lines, keep = [], True
    for line in TEXT.replace('schema = "spinbnn.technology/1"\n', "").splitlines():
        if line.startswith("["):
            keep = line.strip("[]").split(".")[0] != section
        lines += [line] if keep else []
    path = tmp_path / "mine.toml"
    path.write_text(head + "\n".join(lines), encoding="utf-8")
    with pytest.raises(ParameterError, match="TOML table") as caught:
        Technology.load(path)
    assert caught.value.where == f"mine.toml, key {section!r}"


def test_bare_text_in_place_of_a_corner(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="TOML table") as caught:
        Technology.load(write(tmp_path, "[corners.tt]", '[corners]\nxx = "slow"\n[corners.tt]'))
    assert "corners.xx" in caught.value.where


@pytest.mark.parametrize("name", [5, None, ["cmos40lp"]])
def test_a_technology_is_named_by_a_text(name: object) -> None:
    with pytest.raises(ParameterError, match="named by a text"):
        Technology.load(name)  # type: ignore[arg-type]


def test_an_unknown_corner_names_the_file(tmp_path: Path) -> None:
    mine = Technology.load(write(tmp_path))
    with pytest.raises(ParameterError, match="no such corner") as caught:
        mine.corner("sss")
    assert "mine.toml" in caught.value.where and caught.value.value == "sss" and "'ss'" in caught.value.remedy
    assert mine.corners["tt"] == CornerShift()
