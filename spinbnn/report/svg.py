"""Make matplotlib's SVG fit into a page: no clash of ids, the page's colours and font, words for readers."""

from __future__ import annotations

import html
import re

from .style import COLORS, SCREEN

POINT = 1.6
"""Size on the page of one point of a figure, where there is room for it [px]."""

_ROOT = re.compile(r"<svg\b[^>]*>")
_BOX = re.compile(r'viewBox="([^"]+)"')
_ID = re.compile(r'\sid="([^"]+)"')
_USE = re.compile(r'url\(#([^)"]+)\)|href="#([^"]+)"')
_GEOMETRY = re.compile(r'\s(d|x|y)="([^"]*)"')
_NUMBER = re.compile(r"-?\d+\.\d+")
_FAMILY = re.compile(r"\s*font-family:[^;\"]*;?")


def clean(svg: str, *, name: str, title: str, description: str) -> str:
    """Return an inline ``<svg>`` element from the file that matplotlib wrote.

    The prologue, metadata and the style sheet (it would reach the whole page) go; ids that nothing refers to go, the
    others are numbered behind ``name``; width and height give way to the view box; the colours of
    :data:`~spinbnn.report.style.SCREEN` become ``currentColor`` and the page's variables.

    Parameters
    ----------
    svg : str
        An SVG file written with ``svg.fonttype = "none"``.
    name : str
        Prefix of the ids; unique on the page.
    title, description : str
        The accessible name and what is seen.

    Returns
    -------
    str
        The element.

    Examples
    --------
    >>> file = '<?xml version="1.0"?><svg width="9pt" viewBox="0 0 9 9"><g id="a"><path id="m" d="M 0.126 1"/></g></svg>'
    >>> print(clean(file, name="f", title="A & B", description="A line."))
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img" aria-labelledby="f-title f-description" style="--width: 14px" stroke-linejoin="round" stroke-linecap="butt">
    <title id="f-title">A &amp; B</title><desc id="f-description">A line.</desc>
    <g><path d="M 0.13 1"/></g></svg>
    """
    start = _ROOT.search(svg)
    box = _BOX.search(start.group()) if start else None
    if start is None or box is None:
        raise ValueError("not an SVG file with a view box")
    body = svg[start.end() :].strip()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", body, flags=re.DOTALL)
    body = _FAMILY.sub("", body.replace("xlink:href", "href"))
    body = _GEOMETRY.sub(lambda m: f' {m[1]}="{_NUMBER.sub(_short, " ".join(m[2].split()))}"', body)
    body = _number_ids(body, name)
    for old, new in {SCREEN.text: "currentColor", SCREEN.ground: "var(--ground, #fff)"}.items():
        body = body.replace(old, new)
    for number, color in enumerate(COLORS, 1):
        body = body.replace(color, f"var(--c{number}, {color})")
    body = re.sub(r"\n\s*", "\n", body)
    width = round(float(box[1].split()[2]) * POINT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box[1]}" role="img"'
        f' aria-labelledby="{name}-title {name}-description" style="--width: {width}px"'
        ' stroke-linejoin="round" stroke-linecap="butt">\n'
        f'<title id="{name}-title">{html.escape(title)}</title>'
        f'<desc id="{name}-description">{html.escape(description)}</desc>\n{body}'
    )


def _short(match: re.Match[str]) -> str:
    """Round a length to a hundredth of a point."""
    return f"{round(float(match.group()), 2) + 0.0:g}"


def _number_ids(body: str, name: str) -> str:
    """Drop the ids that nothing refers to, and number the others in the order in which they stand."""
    used = {a or b for a, b in _USE.findall(body)}
    numbers: dict[str, str] = {}
    for found in _ID.findall(body):
        if found in used:
            numbers.setdefault(found, f"{name}-{len(numbers) + 1}")
    body = _ID.sub(lambda m: f' id="{numbers[m[1]]}"' if m[1] in numbers else "", body)
    return _USE.sub(lambda m: f"url(#{numbers[m[1]]})" if m[1] else f'href="#{numbers[m[2]]}"', body)
