"""Whole numbers to seed with: one mixer for noise, minibatches and initial weights. Imports no torch."""

from __future__ import annotations

_WORD = 0xFFFFFFFFFFFFFFFF


def mix(*numbers: int) -> int:
    """63 well-mixed bits of a few integers (the finaliser of SplitMix64, Steele et al. 2014)."""
    state = 0
    for number in numbers:
        state = (state ^ number) + 0x9E3779B97F4A7C15 & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        state ^= state >> 31
    return state >> 1
