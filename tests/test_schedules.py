"""Every schedule against its formula, at steps worked out by hand."""

from __future__ import annotations

import math

import pytest

from ganzoo import zoo


def curve(name, base, **options):
    return zoo.part("schedule", name).build({"name": name, **options}, {"base": base})


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"steps": 10}, {0: 2.0, 5: 1.0, 9: 0.2, 10: 0.0, 99: 0.0}),
        ({"steps": 10, "end": 4.0}, {0: 2.0, 5: 3.0, 10: 4.0}),
        ({"steps": 10, "start": 1.0, "end": 3.0, "begin": 20}, {0: 1.0, 20: 1.0, 25: 2.0, 30: 3.0}),
        ({"steps": 10, "every": 5}, {4: 2.0, 5: 1.0, 9: 1.0, 10: 0.0}),
    ],
)
def test_linear(options, values):
    value = curve("linear", 2.0, **options)
    assert {step: value(step) for step in values} == pytest.approx(values)


@pytest.mark.parametrize(("begin", "start"), [(0, None), (7, None), (7, 5.0)])
def test_cosine_is_half_a_cosine(begin, start):
    value = curve("cosine", 2.0, steps=8, end=1.0, begin=begin, **({} if start is None else {"start": start}))
    first = 2.0 if start is None else start
    for step, share in ((0, 0.0), (2, (1 - math.sqrt(0.5)) / 2), (4, 0.5), (6, (1 + math.sqrt(0.5)) / 2), (8, 1.0)):
        assert value(begin + step) == pytest.approx(first + share * (1.0 - first))
    assert value(0) == first
    assert value(1000) == pytest.approx(1.0)


def test_exponential_stops_at_its_floor():
    value = curve("exponential", 2.0, factor=0.5, floor=0.3)
    assert [value(step) for step in range(4)] == [2.0, 1.0, 0.5, 0.3]


def test_warm_up_reaches_the_number_at_its_last_step():
    value = curve("warm-up", 2.0, steps=4)
    assert [value(step) for step in (0, 1, 3, 4, 100)] == [0.5, 1.0, 2.0, 2.0, 2.0]
