"""Matrices in homogeneous coordinates, one for each of N pictures, and what they do to pixels and to colours
(Karras et al. 2020, arXiv:2006.06676, appendix B)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def scaling(*factors: Tensor) -> Tensor:
    """Each axis times a factor [N]: [N, d + 1, d + 1] of d factors."""
    return torch.diag_embed(torch.stack([*factors, torch.ones_like(factors[0])], -1))


def shift(*amounts: Tensor) -> Tensor:
    """An amount [N] added on each axis: [N, d + 1, d + 1] of d amounts."""
    d = len(amounts)
    found = torch.eye(d + 1, device=amounts[0].device).repeat(len(amounts[0]), 1, 1)
    found[:, :d, d] = torch.stack(amounts, -1)
    return found


def turn(cosine: Tensor, sine: Tensor) -> Tensor:
    """In the plane, by angles of these cosines and sines [N]: [N, 3, 3]."""
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    rows = [[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]]
    return torch.stack([torch.stack(row, -1) for row in rows], 1)


def luma_flip(flipped: Tensor) -> Tensor:
    """Of colours: light is dark where 1, [N] of 0 and 1, and hues stay: [N, 4, 4]."""
    return torch.eye(4, device=flipped.device) - 2 * _each(flipped) * _luma(flipped)


def hue(angle: Tensor) -> Tensor:
    """Of colours: a turn about the axis of greys, by angles [N]: [N, 4, 4]."""
    cosine, sine = angle.cos(), _each(angle.sin())
    cross = torch.tensor([[0.0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]], device=angle.device)
    return scaling(cosine, cosine, cosine) + sine * cross / math.sqrt(3) + _each(1 - cosine) * _luma(angle)


def saturation(factor: Tensor) -> Tensor:
    """Of colours: the distance from the axis of greys times a factor [N]: [N, 4, 4]."""
    return scaling(factor, factor, factor) + _each(1 - factor) * _luma(factor)


def resampled(x: Tensor, to_old: Tensor) -> Tensor:
    """Pictures [N, C, H, W], each new pixel read where `to_old` [N, 3, 3] says: columns, rows and 1, from the centre.

    Bilinear, exact at whole pixels; the picture is mirrored at the centres of its outermost ones. Made of `gather`,
    since penalties differentiate D's gradient again and `grid_sample` has one derivative only.
    """
    channels, height, breadth = x.shape[1:]
    rows, columns = (torch.arange(side, device=x.device) - (side - 1) / 2 for side in (height, breadth))
    v, u = torch.meshgrid(rows, columns, indexing="ij")
    old = to_old[:, :2] @ torch.stack([u, v, torch.ones_like(u)]).flatten(1)
    column, row = mirrored(old[:, 0] + (breadth - 1) / 2, breadth), mirrored(old[:, 1] + (height - 1) / 2, height)
    left, top = column.floor().long(), row.floor().long()
    right, bottom = (left + 1).clamp(max=breadth - 1), (top + 1).clamp(max=height - 1)
    across, down = (column - left)[:, None], (row - top)[:, None]
    flat = x.flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        return flat.gather(2, (row * breadth + column)[:, None].expand(-1, channels, -1))

    upper = at(top, left) * (1 - across) + at(top, right) * across
    lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
    return (upper * (1 - down) + lower * down).reshape(x.shape)


def mirrored(place: Tensor, side: int) -> Tensor:
    """Places on a line, those beyond 0 or side − 1 mirrored there, as often as it takes."""
    place = place.abs() % max(2 * (side - 1), 1)
    return torch.minimum(place, 2 * (side - 1) - place)


def recoloured(x: Tensor, colours: Tensor, middle: float, reach: float) -> Tensor:
    """Pictures [N, C, H, W] of 3 colours or grey, by matrices [N, 4, 4] for colours of which 0 is mid-grey and ±1 are
    the ends of the range: middle ± reach. Grey is three colours alike, and of what they become the mean."""
    linear, offset = colours[:, :3, :3], colours[:, :3, 3]
    if x.shape[1] == 1:
        linear, offset = linear.sum((1, 2), keepdim=True) / 3, offset.mean(1, keepdim=True)
    offset = reach * offset + middle - middle * linear.sum(2)
    mixed = linear.to(x.dtype) @ x.flatten(2) + offset[:, :, None]
    return mixed.reshape(x.shape)


def _luma(like: Tensor) -> Tensor:
    """The projection to the axis of greys, [4, 4]."""
    return torch.tensor([1.0, 1, 1, 0], device=like.device).outer(torch.tensor([1.0, 1, 1, 0], device=like.device)) / 3


def _each(numbers: Tensor) -> Tensor:
    return numbers[:, None, None]
