"""The page: self-contained, escaped, readable by people and programs, whole or not there."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from spinbnn.errors import ParameterError
from spinbnn.report import Figure, Section, Tile, write_report
from spinbnn.report.style import COLORS, contrast
from spinbnn.tables import Table

HOSTILE = "</title></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}"
SUMMARY = Table(
    "Results", ["quantity", "value", "verdict"], [["accuracy", 0.98, "met"], ["latency", None, "?"]]
)
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes; refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def write(path: Path, **changes: object) -> str:
    arguments: dict = {
        "title": "A report",
        "summary": SUMMARY,
        "sections": [],
        "provenance": {"seed": 1},
    } | changes
    return write_report(path / "report.html", **arguments).read_text(encoding="utf-8")


@pytest.fixture
def page(tmp_path: Path, drawn: list[Figure]) -> str:
    return write(
        tmp_path,
        subtitle="With `code`.",
        tiles=[Tile(label="accuracy", value="98 %", note="20 chips")],
        sections=[
            Section(
                title="The device", text="One.\n\nTwo with `code <b>`.", figures=drawn[:4], tables=[SUMMARY]
            ),
            Section(title="No figure", text="Only words."),
            Section(title="The network", figures=drawn[4:]),
        ],
        notes=["Spread of 2 %, in `a.toml`"],
        citations=["A. Author, https://example.org/paper"],
        provenance={
            "seed": 1,
            "versions": {"numpy": "2.1", "torch": None},
            "files": ["a", "b"],
            "revision": None,
        },
        data={
            "accuracy": np.float64(0.98),
            "latency": float("nan"),
            "chips": np.arange(3),
            "text": "</script>",
        },
    )


def test_page_is_well_formed_and_its_ids_are_unique(page: str) -> None:
    found = [attributes["id"] for _, attributes in Page(page).elements if "id" in attributes]
    assert len(found) == len(set(found))


def test_nothing_comes_from_outside_and_nothing_runs(page: str) -> None:
    elements = Page(page).elements
    for tag, attributes in elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "data", "action", "xlink:href"):
            address = attributes.get(name) or ""
            assert address == "" or address.startswith(("#", "figures/", "data:image/png")), address
        if tag == "script":
            assert attributes["type"] == "application/json"
    assert "@import" not in page and "url(http" not in page
    policy = [
        a["content"] for t, a in elements if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert "https://example.org/paper" in page, "the address of a citation stays as text"


def test_links_inside_the_page_lead_somewhere(page: str) -> None:
    elements = Page(page).elements
    found = {attributes.get("id") for _, attributes in elements}
    inside = [a["href"][1:] for t, a in elements if t == "a" and (a.get("href") or "").startswith("#")]
    assert {
        "main",
        "summary",
        "section-the-device",
        "section-no-figure",
        "assumed",
        "references",
        "provenance",
    } <= set(inside)
    assert set(inside) <= found


def test_reader_software_finds_language_title_headings_and_names(page: str) -> None:
    elements = Page(page).elements
    assert ("html", {"lang": "en"}) in elements
    assert [t for t, _ in elements].count("h1") == 1 and [t for t, _ in elements].count("main") == 1
    assert all(a.get("aria-labelledby") for t, a in elements if t == "svg")
    assert elements[[t for t, _ in elements].index("body") + 1][1].get("class") == "skip"


def test_figures_are_numbered_through(page: str) -> None:
    assert re.findall(r"<b>Figure (\d)\.", page) == list("12345678")


def test_csv_of_every_figure_is_written_and_linked(page: str, tmp_path: Path, drawn: list[Figure]) -> None:
    for figure in drawn:
        path = tmp_path / "figures" / f"{figure.name}.csv"
        assert path.read_text(encoding="utf-8") == figure.data.to_csv()
        assert f'href="figures/{figure.name}.csv"' in page
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == sorted(f"{f.name}.csv" for f in drawn)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "report.html"], "no left-over part"


def test_same_arguments_give_the_same_bytes(tmp_path: Path, drawn: list[Figure]) -> None:
    sections = [Section(title="A", figures=drawn)]
    assert write(tmp_path / "1", sections=sections) == write(tmp_path / "2", sections=sections)


def test_data_block_reads_back(page: str) -> None:
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert block is not None and "<" not in block[1]
    assert json.loads(block[1]) == {
        "accuracy": 0.98,
        "latency": None,
        "chips": [0, 1, 2],
        "text": "</script>",
    }


def test_unknown_prints_a_question_mark(page: str) -> None:
    assert re.search(r"<td[^>]*>\?</td>", page)
    assert "<dt>revision</dt><dd>?</dd>" in page and "numpy 2.1, torch ?" in page


def test_code_stands_between_backticks_and_the_rest_is_text(page: str) -> None:
    assert "<p>Two with <code>code &lt;b&gt;</code>.</p>" in page and "<p>One.</p>" in page


def test_hostile_text_stays_text_everywhere(tmp_path: Path) -> None:
    table = Table(HOSTILE, [HOSTILE], [[HOSTILE]], note=HOSTILE)
    text = write(
        tmp_path, title=HOSTILE, subtitle=HOSTILE, summary=table, tiles=[Tile(label=HOSTILE, value=HOSTILE, note=HOSTILE)],
        sections=[Section(title=HOSTILE, text=HOSTILE, tables=[table])], provenance={HOSTILE: HOSTILE},
        notes=[HOSTILE], citations=[HOSTILE], data={HOSTILE: HOSTILE},
    )  # fmt: skip
    elements = Page(text).elements
    assert [t for t, _ in elements if t in ("img", "script")] == ["script"]
    assert "{{ 7*7 }}" in text and "49" not in re.sub(r"(?s)<style>.*?</style>", "", text)


def test_a_report_of_nothing_but_a_summary(tmp_path: Path) -> None:
    text = write(tmp_path)
    assert "Assumed numbers" not in text and "References" not in text and "<script" not in text
    assert not (tmp_path / "figures").exists()


def test_names_must_be_unique(tmp_path: Path, drawn: list[Figure]) -> None:
    with pytest.raises(ParameterError, match="figure name"):
        write(
            tmp_path, sections=[Section(title="A", figures=drawn[:1]), Section(title="B", figures=drawn[:1])]
        )
    with pytest.raises(ParameterError, match="section title"):
        write(tmp_path, sections=[Section(title="A b"), Section(title="A  B")])
    assert not list(tmp_path.iterdir()), "nothing is written"


@pytest.mark.parametrize("value", [float("inf"), object(), {"deep": [1, np.inf]}])
def test_data_that_json_cannot_hold_is_refused_with_its_place(tmp_path: Path, value: object) -> None:
    with pytest.raises(ParameterError, match=r"(?s)where: +data\.x"):
        write(tmp_path, data={"x": value})


def variables(theme: str) -> dict[str, str]:
    """Return the colours of ``light`` or ``dark`` from the style sheet."""
    css = resources.files("spinbnn.report").joinpath("style.css").read_text(encoding="utf-8")
    start = css.index("prefers-color-scheme: dark") if theme == "dark" else 0
    block = css[css.index(":root", start) : css.index("}", start)]
    return dict(re.findall(r"--([a-z]\w*): (#[0-9a-f]{6})", block))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_of_all_colours(theme: str) -> None:
    colors = variables(theme)
    for ground in ("ground", "raised"):
        for text in ("ink", "soft", "link"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for mark in ("c1", "c2", "c3", "c4"):
        assert contrast(colors[mark], colors["ground"]) >= 3.0, mark
    assert set(colors) == {"ground", "raised", "ink", "soft", "rule", "link", "c1", "c2", "c3", "c4"}


def test_light_colours_of_the_page_are_those_of_the_figures() -> None:
    assert tuple(variables("light")[f"c{i}"] for i in range(1, 5)) == COLORS


def test_contrast_knows_a_published_pair() -> None:
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
