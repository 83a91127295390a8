"""Published figures: as printed, with units and citations."""

from __future__ import annotations

import pytest

from spinbnn.errors import ParameterError
from spinbnn.hardware.references import published_table, published_tables, works


def test_every_table_is_cited_and_convertible():
    for key in published_tables():
        table = published_table(key)
        assert table.work.doi.startswith("10.")
        for row in table.rows:
            for column in table.columns:
                assert table.value(row, column) > 0
        assert table.work.doi in table.table().to_markdown()


def test_si_values():
    assert published_table("II").value("rng", "energy") == 3.80e-12
    assert published_table("VIII").value("scale-dropout", "energy") == 0.18e-6
    assert published_table("VII").value("scale-dropout/layer", "latency") == 15e-9
    assert published_table("VII").value("scale-dropout/layer", "area") == pytest.approx(34.65e-12, rel=1e-15, abs=0)
    assert published_table("III").value("vgg", "trained 3x") == pytest.approx(0.9055, rel=1e-15, abs=0)
    assert published_table("VI-G").value("lenet5", "area") == pytest.approx(0.401e-6, rel=1e-15, abs=0)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="no such published table"):
        published_table("IX")
    with pytest.raises(ParameterError, match="no such row"):
        published_table("II").value("adc", "energy")
    with pytest.raises(ParameterError, match="no such column"):
        published_table("II").value("rng", "power")


def test_works_are_copies():
    works().clear()
    assert works()
