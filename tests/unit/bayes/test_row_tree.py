"""Rows of masks: distinct prefixes, parents, parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinbnn.bayes.row_tree import RowTree, distinct, patterns


def tree_of(bits, start=None):
    ids, found = patterns(np.asarray(bits, np.uint8), [1] * np.shape(bits)[1])
    return RowTree(ids, [len(p) for p in found], np.zeros(len(bits), np.int64) if start is None else np.asarray(start))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6), st.integers(1, 4))
def test_rows_are_the_distinct_restrictions_whatever_the_layers(seed, items, layers, images):
    draw = np.random.default_rng(seed)
    bits, start = draw.integers(0, 2, (items, layers)), np.unique(draw.integers(0, images, items), return_inverse=True)[1]
    tree = tree_of(bits, start)
    for key in range(1 << layers):
        chosen = [k for k in range(layers) if key >> k & 1]
        expected = {tuple(row) for row in np.column_stack([start, bits[:, chosen]]).tolist()}
        rows = tree.rows(key)
        assert rows.count == len(expected)
        restricted = np.column_stack([start, bits[:, chosen]])
        assert np.array_equal(restricted[rows.first][rows.inverse], restricted)
        assert list(map(tuple, restricted[rows.first].tolist())) == sorted(expected)


def test_all_masks_expand_fully_and_stay_in_counting_order():
    bits = [[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    tree = tree_of(bits)
    assert tree.rows(7).inverse.tolist() == list(range(8))
    how = tree.expand(1, 1)
    assert how.full and how.parent.tolist() == [0, 0, 1, 1] and how.pick.tolist() == [0, 1, 0, 1]
    assert not tree_of(bits[:7]).expand(3, 2).full
    late = tree.expand(2, 0)  # registered first, passed second: its bit is the outer one
    assert not late.full and late.parent.tolist() == [0, 1, 0, 1] and late.pick.tolist() == [0, 0, 1, 1]


def test_a_layer_that_all_masks_agree_on_adds_no_rows():
    tree = tree_of([[0, 1], [1, 1]])
    how = tree.expand(1, 1)
    assert how.parent is None and how.pick.tolist() == [1, 1] and not how.full


def test_own_rows_stand_in_the_order_of_the_items():
    tree = tree_of([[1, 0], [0, 0], [1, 0]], [1, 0, 1])
    own = tree.own | 1
    assert tree.rows(own).inverse.tolist() == [0, 1, 2]
    assert tree.parents(1, own).tolist() == tree.rows(1).inverse.tolist() == [1, 0, 1]


def test_parts_have_at_most_the_groups_asked_for_and_lose_nothing():
    bits = np.random.default_rng(0).integers(0, 2, (50, 4))
    tree = tree_of(bits)
    for groups in (1, 3, 100):
        parts = tree.split(15, groups)
        assert sorted(np.concatenate([items for items, _ in parts]).tolist()) == list(range(50))
        for items, part in parts:
            assert part.rows(15).count <= groups
            for key in (0, 3, 15):
                up = tree.inherited(key, items, part)
                assert np.array_equal(up[part.rows(key).inverse], tree.rows(key).inverse[items])


@pytest.mark.parametrize("limit", [8, 1 << 20])
def test_both_ways_of_grouping_agree(limit):
    codes = np.random.default_rng(1).integers(0, 8, 30)
    rows = distinct(codes, limit)
    assert np.array_equal(np.unique(codes)[rows.inverse], codes) and np.array_equal(codes[rows.first], np.unique(codes))


def test_patterns_of_a_layer_with_a_bit_for_each_channel():
    masks = np.array([[0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 1]], np.uint8)
    ids, bits = patterns(masks, [1, 3])
    assert ids[0].tolist() == [0, 1, 0] and bits[0].tolist() == [[0], [1]]
    assert np.array_equal(bits[1][ids[1]], masks[:, 1:]) and len(bits[1]) == 2
