"""What an import draws in; each in a fresh interpreter."""

from __future__ import annotations

import json

import pytest

HEAVY = ("torch", "PySpice", "matplotlib", "h5py", "numba", "scipy", "sklearn", "pandas", "jinja2")


def loaded(fresh, statement: str) -> set[str]:
    done = fresh("-c", f"{statement}\nimport json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_probe_sees_a_heavy_import(fresh) -> None:
    assert "scipy" in loaded(fresh, "import scipy")


@pytest.mark.parametrize("statement", ["import spinbnn", "import spinbnn.cli", "from spinbnn import show_versions; show_versions()"])
def test_a_light_import(fresh, statement: str) -> None:
    assert loaded(fresh, statement) == set()


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import spinbnn.device", {"torch", "PySpice", "matplotlib", "h5py", "sklearn", "numba"}),
        ("import spinbnn.circuit", {"torch", "PySpice", "matplotlib", "sklearn"}),
        ("import spinbnn.characterize", {"torch", "PySpice", "matplotlib", "sklearn"}),
        ("import spinbnn.crossbar", {"torch", "PySpice", "matplotlib", "sklearn"}),
        ("import spinbnn.hardware", {"torch", "PySpice", "matplotlib", "sklearn"}),
        ("import spinbnn.nn, spinbnn.bayes, spinbnn.training", {"PySpice", "matplotlib", "jinja2"}),
        ("import spinbnn.report", {"PySpice", "matplotlib"}),
    ],
)
def test_a_floor_draws_in_no_more_than_it_may(fresh, statement: str, forbidden: set[str]) -> None:
    assert loaded(fresh, statement) & forbidden == set()


def test_every_exported_name_exists(fresh) -> None:
    done = fresh("-c", "import spinbnn\nfor name in spinbnn.__all__: getattr(spinbnn, name)")
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error(fresh) -> None:
    done = fresh("-c", "import spinbnn; spinbnn.no_such_name")
    assert done.returncode == 1 and "AttributeError" in done.stderr
