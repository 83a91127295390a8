"""The bits of a dropout module as the two-state Markov chain that they are."""

from __future__ import annotations

from .chain import BitStream as BitStream
from .markov import markov_bits as markov_bits
from .sample_size import effective_samples as effective_samples
from .sample_size import samples_for_bias as samples_for_bias
from .sample_size import samples_for_correlation as samples_for_correlation
from .statistics import BitStatistics as BitStatistics
from .statistics import bit_statistics as bit_statistics
from .thinning import ThinnedCycles as ThinnedCycles
from .thinning import thinned_cycles as thinned_cycles
