"""What every figure must hold: own ids, the theme's colours, words, the same bytes each time, no global state."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from spinbnn.errors import MissingToolError, ParameterError
from spinbnn.report import Figure, paper_style, render
from spinbnn.report.style import SCREEN
from spinbnn.report.svg import clean
from spinbnn.tables import Table

DATA = Table("", ["x"], [[1]])
NAMES = [
    "drop-probability", "waveforms", "chips", "reliability", "uncertainty", "rotation", "training", "energy",
]  # fmt: skip


def ids(svg: str) -> list[str]:
    return re.findall(r'\sid="([^"]+)"', svg)


def draw_line(canvas, ink):
    axes = canvas.subplots()
    axes.plot([0, 1], [0, 1], "o-", color=ink.colors[0], label="a line")
    axes.legend()


def test_every_kind_is_here(drawn: list[Figure]) -> None:
    assert [figure.name for figure in drawn] == NAMES


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_svg_is_well_formed_named_and_sized_by_its_view_box(drawn: list[Figure], number: int) -> None:
    figure = drawn[number]
    root = ElementTree.fromstring(figure.svg)
    assert root.get("role") == "img" and root.get("viewBox")
    assert root.get("width") is None and root.get("height") is None
    labels = {e.get("id"): e.text for e in root if e.tag.endswith(("title", "desc"))}
    assert [labels[i] for i in root.get("aria-labelledby", "").split()] == [figure.title, figure.description]
    assert "currentColor" in figure.svg and SCREEN.text not in figure.svg and SCREEN.ground not in figure.svg
    assert "<style" not in figure.svg and "<metadata" not in figure.svg and "font-family" not in figure.svg
    assert "<text" in figure.svg, "text stays text"
    assert figure.data.rows


def test_ids_are_unique_over_all_figures_and_all_references_resolve(drawn: list[Figure]) -> None:
    together = "".join(figure.svg for figure in drawn)
    found = ids(together)
    assert len(found) == len(set(found)) > 2 * len(drawn)
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', together)
    assert references and {a or b for a, b in references} <= set(found)


def test_same_figure_twice_shares_no_id() -> None:
    first, second = (render(name, "A line", "It rises.", DATA, draw_line) for name in ("one", "two"))
    assert len(ids(first.svg)) > 2
    assert not set(ids(first.svg)) & set(ids(second.svg))
    assert first.svg.replace("one-", "two-") == second.svg


def test_bytes_are_the_same_in_another_process(drawn: list[Figure]) -> None:
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1]); from conftest import every_figure\n"
        "print(hashlib.sha256(''.join(f.svg for f in every_figure()).encode()).hexdigest(), 'matplotlib.pyplot' in sys.modules)"
    )
    folder = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    run = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, env=environment, check=True
    )
    assert run.stdout.split() == [hashlib.sha256("".join(f.svg for f in drawn).encode()).hexdigest(), "False"]


def test_user_settings_neither_matter_nor_change() -> None:
    import matplotlib

    plain = render("line", "A line", "It rises.", DATA, draw_line).svg
    with matplotlib.rc_context({"axes.linewidth": 9.0, "font.size": 30.0, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert render("line", "A line", "It rises.", DATA, draw_line).svg == plain
        assert dict(matplotlib.rcParams) == before


def test_hostile_words_are_escaped() -> None:
    svg = clean('<svg viewBox="0 0 1 1"><g/></svg>', name="n", title="<script>", description='"&</desc>')
    assert "<script>" not in svg
    assert [e.text for e in ElementTree.fromstring(svg)][:2] == ["<script>", '"&</desc>']


def test_dollar_signs_in_labels_are_no_formula() -> None:
    from spinbnn.report import figures

    assert "costs $5 and $6" in figures.uncertainty({"costs $5 and $6": [0.1, 0.2]}).svg


def test_pdf_has_the_width_of_a_column_and_is_the_same_twice(tmp_path: Path) -> None:
    figure = render("line", "A line", "It rises.", DATA, draw_line)
    one, two = (figure.save_pdf(tmp_path / name).read_bytes() for name in ("1.pdf", "2.pdf"))
    assert one == two
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", one)
    assert box and float(box[1]) == pytest.approx(3.5 * 72)
    assert b"/Type3" not in one


@pytest.mark.parametrize("name", ["", "Upper", "two words", "a--b", "1st", "a/b", 'a"b'])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="slug"):
        render(name, "t", "d", DATA, draw_line)


def test_a_figure_without_words_is_refused() -> None:
    with pytest.raises(ParameterError, match="description"):
        render("a", "t", " ", DATA, draw_line)


def test_unknown_paper_style_is_refused() -> None:
    with pytest.raises(ParameterError, match="paper style"):
        paper_style("ieee-colunm")


@pytest.mark.parametrize("module", ["matplotlib", "cycler"])
def test_missing_matplotlib_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingToolError, match="figures need matplotlib") as caught:
        render("a", "t", "d", DATA, draw_line)
    assert "spinbnn[report]" in str(caught.value)


def test_importing_the_report_loads_neither_matplotlib_nor_jinja() -> None:
    code = "import sys, spinbnn.report; print([m for m in ('matplotlib', 'jinja2', 'torch', 'h5py') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
