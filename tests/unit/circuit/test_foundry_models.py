"""What a foundry's device comes down to at one size, and what is said of libraries that are damaged."""

from __future__ import annotations

import re
from pathlib import Path

import made_up_foundry
import pytest

from spinbnn.circuit import Technology
from spinbnn.circuit.foundry_library import FoundryLibrary
from spinbnn.circuit.foundry_models import CornerModels
from spinbnn.circuit.statements import read_statements
from spinbnn.errors import DataError, NetlistError, ParameterError

BODY = "X1 d g s b nfet w=1u\nX2 d g s b pfet w=2u l=300n\nX3 d g s b nfet w=1e-6 l=0.15u"


def models(text: str) -> CornerModels:
    return CornerModels(read_statements(text, "x.lib"), "x.lib")


def load(folder: Path, old: str = "#extract", new: str = "") -> Technology:
    assert made_up_foundry.TECHNOLOGY.count(old) >= 1
    return Technology.load(made_up_foundry.write(folder, made_up_foundry.TECHNOLOGY.replace(old, new, 1)))


SIMPLE = """\
.param k=2
.subckt dev d g s b w=1u l=1u extra={3*k}
M1 d g s b card w={w} l={l} nrd={extra/w}
.model card nmos (level=14 version=4.8.1 vth0={0.1*k} u0 = 3e-2 tox='k*1n')
.ends
"""


def test_a_card_without_bins_brackets_and_units() -> None:
    found = models(SIMPLE).transistor("DEV", 2e-6, 1e-6, unit=1.0)
    assert dict(found.card.parameters) == {"level": "14", "version": "4.8.1", "vth0": "0.2", "u0": "3e-2", "tox": "2e-09"}
    assert found.card.kind == "nmos" and found.nodes == ("d", "g", "s", "b") and found.scale == 1.0
    assert found.instance["nrd"].text({"w": "W"}) == "(6.0/(W))"


def test_a_card_of_the_device_hides_one_of_the_library() -> None:
    other = ".model card nmos level=14 vth0=9\n"
    for text in (other + SIMPLE, SIMPLE + other):
        assert models(text).transistor("dev", 2e-6, 1e-6, unit=1.0).card.parameters["vth0"] == "0.2"


def test_a_bin_that_lacks_a_limit_is_named() -> None:
    bins = ".model card.0 nmos wmin=0 wmax=1 lmin=0 lmax=1e-9\n.model card.1 nmos wmin=0 wmax=1 lmin=0\n"
    text = SIMPLE.replace(".model card nmos (level=14 version=4.8.1 vth0={0.1*k} u0 = 3e-2 tox='k*1n')\n", bins)
    with pytest.raises(DataError, match="lacks a limit") as caught:
        models(text).transistor("dev", 2e-6, 1e-6, unit=1.0)
    assert "line 5" in caught.value.where


def test_given_parameters_replace_defaults_and_unknown_ones_are_refused() -> None:
    found = models(SIMPLE).transistor("dev", 2e-6, 1e-6, unit=1.0, given={"extra": "7*w"})
    assert found.instance["nrd"].text({"w": "W"}) == "((7.0*(W))/(W))"
    with pytest.raises(ParameterError, match="no such parameter") as caught:
        models(SIMPLE).transistor("dev", 2e-6, 1e-6, unit=1.0, given={"extre": "1"})
    assert caught.value.value == "extre" and "'extra'" in caught.value.remedy


def test_pins_are_followed_through_a_wrapper_that_swaps_them() -> None:
    text = SIMPLE + ".subckt outer g d b s w=1u l=1u\nX1 d g s b dev w={2*w} l={l}\n.ends\n"
    found = models(text).transistor("outer", 1e-6, 1e-6, unit=1.0)
    assert found.nodes == ("d", "g", "s", "b")
    assert found.instance["w"].text({"w": "W"}) == "(2.0*(W))" and found.instance["nrd"].text({"w": "W"}) == "(6.0/(2.0*(W)))"
    swapped = models(SIMPLE + ".subckt outer x y z q w=1u l=1u\nX1 x y z q dev w={w} l={l}\n.ends\n")
    assert swapped.transistor("outer", 1e-6, 1e-6, unit=1.0).nodes == ("x", "y", "z", "q")


def test_the_bin_is_that_of_the_drawn_size(tmp_path: Path) -> None:
    """In micrometres at the device, in metres at the bins; at an edge the first one."""
    library = load(tmp_path).library
    assert isinstance(library, FoundryLibrary)
    names = {(w, long): library.transistor("n", w * 1e-6, long * 1e-6, "tt").card.name[-1] for w, long in ((0.4, 0.15), (1.0, 0.15), (1.0005, 0.3), (1.002, 0.3), (1.0, 0.5), (1.0, 0.502), (9.0, 5.0))}
    assert names == {(0.4, 0.15): "0", (1.0, 0.15): "0", (1.0005, 0.3): "0", (1.002, 0.3): "1", (1.0, 0.5): "0", (1.0, 0.502): "2", (9.0, 5.0): "2"}


@pytest.mark.parametrize(("width", "length"), [(0.3, 0.15), (11.0, 0.15), (1.0, 0.1), (1.0, 6.0)])
def test_no_bin_names_size_and_nearest(tmp_path: Path, width: float, length: float) -> None:
    with pytest.raises(ParameterError, match=re.escape(f"W = {width:g} um, L = {length:g} um")) as caught:
        load(tmp_path).preamble(f"X1 d g s b nfet w={width}u l={length}u", corner="tt")
    assert "mu_nfet" in caught.value.where and caught.value.remedy.startswith("nearest: W ")
    if length == 6.0:
        assert caught.value.remedy.startswith("nearest: W 0.4 to 10 um, L 0.5 to 5 um")


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (".subckt dev d g s b\nM1 d g s b c\n", DataError, "does not end"),
        (".ends\n", DataError, "never began"),
        (".subckt\n.ends\n", DataError, "lacks its name"),
        (".func f(x\n", DataError, "function of the library"),
        (SIMPLE.replace("k=2", "kk=2"), NetlistError, "does not define"),
        (SIMPLE.replace("k=2", "k={j} j={k}"), NetlistError, "circle"),
        (SIMPLE.replace("k=2", "k={2*}"), NetlistError, "not a parameter expression"),
        (SIMPLE.replace("{0.1*k}", "{0.1*temper}"), NetlistError, "does not define"),
        (SIMPLE.replace("{0.1*k}", "{0.1*}"), NetlistError, "not a parameter expression"),
        (SIMPLE.replace(".model card", ".model cart"), NetlistError, "no such card"),
        (SIMPLE.replace("card nmos", "card r"), NetlistError, "no transistor"),
        (SIMPLE.replace("M1 d", "R1 d s 1k\nM1 d"), NetlistError, "one transistor alone"),
        (SIMPLE.replace("M1 d g s b card", "M1 d g s x card"), NetlistError, "not pins"),
        (SIMPLE.replace("w={w}", "w={w} nf=2"), NetlistError, "more than one finger"),
        (SIMPLE.replace("M1 d g s b card", "X1 d g s b dev").replace(" nrd={extra/w}", ""), NetlistError, "without end"),
        (SIMPLE.replace("subckt dev", "subckt other"), NetlistError, "no such device"),
    ],
)
def test_what_cannot_be_taken_out_is_named(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        models(text).transistor("dev", 2e-6, 1e-6, unit=1.0)
    assert "x.lib" in caught.value.where and caught.value.remedy  # type: ignore[attr-defined]


def test_preamble_holds_the_sizes_in_use_and_no_more(tmp_path: Path) -> None:
    tech = load(tmp_path)
    text = tech.preamble(BODY, corner="tt")
    cards = re.findall(r"^\.model (\S+) (\S+)", text, re.MULTILINE)
    assert cards == [("spinbnn_n.1", "nmos"), ("spinbnn_p.1", "pmos")]
    assert ".option" not in text and "{" not in text.split(".subckt")[0]
    assert "nfet" in text and tech.preamble("X1 d g s b nfet", corner="tt").count(".subckt") == 1
    assert tech.preamble("R1 a 0 1k", corner="tt") == ""
    assert tech.preamble("X1 d g s b nfet w=1u\nX2 d g s b nfet w=2u", corner="tt").count(".model") == 2


def test_wrapper_line(tmp_path: Path) -> None:
    """Lengths and areas in metres; the section's threshold, the technology's 10 mV for the PMOS and dvt in one delvto, slower
    for a positive dvt in both."""
    lines = load(tmp_path).preamble(BODY, corner="ss").splitlines()
    n, p = (line for line in lines if line.startswith("M1"))
    assert n.startswith("M1 d g s b spinbnn_n l={l} w={w} ad={(0.3*(w/1e-06))*1e-12} as={0.0*1e-12} pd={(2.0*((w/1e-06)+0.3))*1e-06}")
    assert "sa={0.5*1e-06}" in n and n.endswith("delvto={(0.03*((0.05/(l/1e-06))+0.9))+(dvt)} mulu0={mu}")
    assert p.endswith("delvto={((-0.03)*((0.05/(l/1e-06))+0.9))+(-(dvt+(0.01)))} mulu0={mu}")


def test_decks_need_netlist_and_corner(tmp_path: Path) -> None:
    tech = load(tmp_path)
    with pytest.raises(ParameterError, match="depend on the sizes"):
        tech.preamble(corner="tt")
    with pytest.raises(TypeError, match="corner"):
        tech.preamble(BODY)  # type: ignore[call-arg]
    with pytest.raises(ParameterError, match="no such corner"):
        tech.preamble(BODY, corner="ff")


def test_sizes_that_ngspice_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    tech = load(tmp_path)
    with pytest.raises(ParameterError, match="so close") as caught:
        tech.preamble("X1 d g s b nfet w=1.0000u\nX2 d g s b nfet w=1.0005u", corner="tt")
    assert "1 nm" in caught.value.remedy
    assert tech.preamble("X1 d g s b nfet w=1u\nX2 d g s b nfet w=1.002u\nX3 d g s b nfet w=1.0005u l=300n\nX4 d g s b pfet w=1.0005u", corner="tt").count(".model") == 4
    with pytest.raises(ParameterError, match="so close"):
        tech.preamble("X1 d g s b nfet w=1u l=200n\nX2 d g s b nfet w=1u l=300n\nX3 d g s b nfet w=1.0005u l=200n", corner="tt")


def test_a_deck_never_changes_with_the_files(tmp_path: Path) -> None:
    tech = load(tmp_path)
    text, identity = tech.preamble(BODY, corner="tt"), tech.content_hash
    devices = tmp_path / "models" / "devices.inc"
    devices.write_text(devices.read_text(encoding="utf-8").replace("u0=0.03", "u0=0.04"), encoding="utf-8")
    assert tech.preamble(BODY, corner="tt") == text and tech.content_hash == identity
    again = Technology.load(tmp_path / "made_up.toml")
    assert again.preamble(BODY, corner="tt") != text and again.content_hash != identity


def test_the_hash_follows_every_choice_and_not_the_place(tmp_path: Path) -> None:
    base = load(tmp_path / "a")
    assert load(tmp_path / "b").content_hash == base.content_hash
    changes = [
        ('unit = "1 um"', 'unit = "1 nm"'), ('ad = "0.3*w"', 'ad = "0.2*w"'), ('section = "ss"', 'section = "tt"'), ('"1+0.1/l"', '"1+0.2/l"'),
        ("#extract", 'shift = "gate"'), ("#extract", "extract = false"), ('"mu_nfet"', '"mu_wrapped"'), ('"d g s b"', '"g d s b"'), ('value = "10 mV"', 'value = "11 mV"'),
    ]  # fmt: skip
    hashes = [load(tmp_path / f"c{k}", old, new).content_hash for k, (old, new) in enumerate(changes)]
    assert len({base.content_hash, *hashes}) == len(changes) + 1


def test_a_library_in_the_deck_by_its_path(tmp_path: Path) -> None:
    tech = load(tmp_path, "#extract", "extract = false")
    lines = tech.preamble(BODY, corner="ss").splitlines()
    assert lines[0] == f'.lib "{tech.model_path}" ss'
    assert lines[1:5] == [
        ".subckt nfet d g s b w=1u l=1.5e-07 dvt=0 mu=1", "Vgi g gi {dvt}",
        "X1 d gi s b mu_nfet w={w/1e-06} l={l/1e-06} ad={(0.3*(w/1e-06))} pd={(2.0*((w/1e-06)+0.3))} sa={0.5} sb={0.5} m={mu}", ".ends nfet",
    ]  # fmt: skip
    assert "Vgi g gi {-(dvt+(0.01))}" in lines
    assert "Vgi g gi {-dvt}" in tech.preamble(BODY, corner="tt").splitlines()
    (tmp_path / "models" / "parameters" / "ss.inc").write_text("* other\n", encoding="utf-8")
    with pytest.raises(DataError, match="changed or removed") as caught:
        tech.preamble(BODY, corner="ss")
    assert "ss.inc" in caught.value.where


def test_cards_without_subcircuits_and_another_order_of_pins(tmp_path: Path) -> None:
    made_up_foundry.write(tmp_path)
    (tmp_path / "models" / "made_up.lib").write_text(".model mu_nfet nmos level=14 vth0={0.4+0.1*2}\n.model mu_pfet pmos level=14\n", encoding="utf-8")
    text = made_up_foundry.TECHNOLOGY.replace('nmos = "mu_nfet"', 'nmos = { device = "mu_nfet", kind = "card" }').replace('kind = "subcircuit"', 'kind = "card"')
    text = re.sub(r'section = "\w+"', 'section = ""', text).replace('unit = "1 um"', 'unit = "1 m"')
    text = re.sub(r"\[library.instance\]\n(.+\n)+", "", text)
    path = tmp_path / "made_up.toml"
    path.write_text(text, encoding="utf-8")
    out = Technology.load(path).preamble("X1 d g s b nfet w=1u", corner="tt")
    assert "vth0=0.6" in out.replace("0.6000000000000001", "0.6") and "M1 d g s b spinbnn_n w={(w/1.0)} l={(l/1.0)}" in out.replace("w={w} l={l}", "w={(w/1.0)} l={(l/1.0)}")
    path.write_text(text.replace("#extract", 'extract = false\nshift = "instance"'), encoding="utf-8")
    whole = Technology.load(path).preamble("X1 d g s b nfet w=1u", corner="tt")
    assert f'.include "{tmp_path / "models" / "made_up.lib"}"' in whole and "M1 d g s b mu_nfet w={w/1.0} l={l/1.0} delvto={dvt} mulu0={mu}" in whole


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('file = "models/made_up.lib"', 'file = "models/none.lib"', ["library'.file", "none.lib"]),
        ('file = "models/made_up.lib"\n', "", ["nowhere to be found", "library"]),
        ('file = "models/made_up.lib"', 'variable = "X_PDK"', ["nowhere to be found"]),
        ('file = "models/made_up.lib"', 'variable = "X_PDK"\npaths = "x.lib"', ["library.paths", "list"]),
        ("#extract", "extrakt = false", ["unknown key", "'extract'"]),
        ("#extract", 'extract = "no"', ["library.extract", "true or false"]),
        ("#extract", 'shift = "body"', ["library.shift", "'body'"]),
        ("#extract", 'extract = false\nshift = "instance"', ["cannot be reached", "library"]),
        ('unit = "1 um"', 'unit = "1 V"', ["library.unit"]),
        ('unit = "1 um"\n', "", ["library.unit", "missing"]),
        ('nmos = "mu_nfet"\n', "", ["library.nmos", "missing"]),
        ('kind = "subcircuit"', 'kind = "gate"', ["library.pmos.kind"]),
        ('pins = "d g s b"', 'pins = "d g s"', ["library.pmos.pins"]),
        ('ad = "0.3*w"', 'ad = "0.3*x"', ["library.instance.ad", "0.3*x"]),
        ('section = "ss"', 'section = "sss"', ["corners.ss.section", "'sss'", "tt, ss, noinc"]),
        ('section = "ss"\n', "", ["corners.ss.section"]),
        ('nmos_vth_factor = { value = "1+0.1/l", source = "made up" }', 'nmos_vth_factor = { value = "1+0.1/k", source = "made up" }', ["nmos_vth_factor", "1+0.1/k"]),
        ('nmos_vth_factor = { value = "1+0.1/l", source = "made up" }', 'nmos_vth_factor = { value = "1+0.1/l" }', ["nmos_vth_factor", "source"]),
        ("[library]", 'models = { file = "x.lib", nmos = "n", pmos = "p" }\n[library]', ["either"]),
    ],
)
def test_bad_files_name_file_key_and_value(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    with pytest.raises((ParameterError, DataError)) as caught:
        load(tmp_path, old, new)
    message = str(caught.value)
    assert all(word in message for word in ["made_up.toml", "remedy", *words]), message


def test_a_corner_whose_section_lacks_the_devices(tmp_path: Path) -> None:
    tech = load(tmp_path, 'section = "ss"', 'section = "noinc"')
    with pytest.raises(NetlistError, match="no such device") as caught:
        tech.preamble(BODY, corner="ss")
    assert "noinc" in caught.value.where


def test_mismatch_factor_multiplies_the_threshold_alone(tmp_path: Path) -> None:
    tech = load(tmp_path)
    plain = load(tmp_path / "b", '"1+0.1/l"', '"1"')
    draw = (3, "m1", 4)
    for polarity, factor in (("n", 1 + 0.1 / 0.3), ("p", 1.0)):
        one, other = (t.transistor_shift(polarity, 2e-6, length=0.3e-6, draw=draw) for t in (tech, plain))
        assert one[0] == pytest.approx(factor * other[0], rel=1e-12) and one[1] == other[1]
