"""Parts of :func:`spinbnn.nn.convert.binarize`: the traced graph, what activations become, what layers become."""

from __future__ import annotations
