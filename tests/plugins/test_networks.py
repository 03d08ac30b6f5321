"""Networks that variants share: the papers' sizes, any shape of data, one clear sentence otherwise."""

from __future__ import annotations

import functools
import importlib

import pytest
import torch
from torch import nn
from torch.nn import functional

import ganzoo
from ganzoo import zoo
from ganzoo.errors import RecipeError
from ganzoo_networks.flatten import Flatten
from ganzoo_networks.resampling import halved

torch.set_num_threads(1)

SMALL = {
    "pacgan-mlp": ({"widths": (8, 8)}, {"units": 8}),
    "dcgan": ({"width": 4}, {"width": 4}),
    "infogan-net": ({"width": 4}, {"width": 4}),
    "resnet": ({"width": 8}, {"width": 8}),
}


def points(d=2):
    return ganzoo.OutputSpec("points", (d,))


def image(*shape):
    return ganzoo.OutputSpec("image", shape)


def pair(name, spec, g=None, d=None, latent=6):
    z = ganzoo.InputSpec("z", "latent", (latent,))
    make_g, make_d = (zoo.part(role, name).factory() for role in ("generator", "discriminator"))
    small_g, small_d = SMALL[name]
    return make_g((z,), spec, **(small_g if g is None else g)), make_d(spec, **(small_d if d is None else d))


def count(network):
    return sum(p.numel() for p in network.parameters())


CASES = [
    ("pacgan-mlp", points()), ("pacgan-mlp", points(4)),
    *[(name, image(c, s, s)) for name in ("dcgan", "infogan-net", "resnet") for c in (1, 3) for s in (28, 32, 64)],
    ("dcgan", image(1, 8, 8)), ("dcgan", image(1, 13, 30)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_samples_have_the_datas_shape_and_every_weight_a_gradient(name, spec):
    G, D = pair(name, spec)
    x = G(torch.randn(5, 6))
    assert x.shape == (5, *spec.shape)
    said = D(x)
    assert said["score"].shape == (5,)
    assert said["features"].shape == (5, D.features)
    said["score"].square().sum().backward()
    for network in (G, D):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_a_separable_judgement_is_of_each_sample_alone(name, spec):
    _, D = pair(name, spec, d={"width": 4, "norm": "none"} if name in ("dcgan", "infogan-net") else None)
    assert D.separable
    x = torch.randn(3, *spec.shape)
    alone = torch.cat([D(one[None])["score"] for one in x.unbind()])
    torch.testing.assert_close(D(x)["score"], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "smallest"), [(8, 4), (13, 6), (14, 3), (28, 3), (32, 4), (64, 4), (128, 4)])
def test_dcgan_halves_to_a_map_of_3_to_6_pixels(side, smallest):
    G, _ = pair("dcgan", image(1, side, side))
    assert G.start[1:] == (smallest, smallest)


def test_pacgans_sizes_are_the_papers():
    """2-400-400-400-400-2 with BatchNorm for hidden biases; three times 200 maxout units of 5 pieces; packs of 2."""
    G, _ = pair("pacgan-mlp", points(), {}, {}, latent=2)
    assert count(G) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 400 * 2 + 2
    _, D = pair("pacgan-mlp", points(4), {}, {})
    assert count(D) == (4 + 1) * 1000 + 2 * 201 * 1000 + 201
    assert D.separable


def test_infogans_sizes_are_the_papers():
    """z-1024-128·7·7, 64, 1 up; 64, 128, 1024, 1 down; pixels in [0, 1]."""
    G, D = pair("infogan-net", image(1, 28, 28), {}, {}, latent=64)
    flat = 128 * 7 * 7
    assert count(G) == 64 * 1024 + 2 * 1024 + 1024 * flat + 2 * flat + 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1
    convolutions = 16 * 64 + 64 + 16 * 64 * 128 + 128
    assert count(D) == convolutions + 2 * 128 + flat * 1024 + 1024 + 2 * 1024 + 1024 + 1
    assert G.spec.output.range == (0.0, 1.0)
    x = G(torch.randn(4, 64))
    assert x.min() >= 0.0
    assert x.max() <= 1.0


def test_infogans_norm_is_an_option():
    _, batch = pair("infogan-net", image(1, 28, 28))
    _, none = pair("infogan-net", image(1, 28, 28), d={"width": 4, "norm": "none"})
    assert [net.separable for net in (batch, none)] == [False, True]
    assert not any(isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) for m in none.modules())


def test_dcgans_norm_is_an_option_and_without_it_a_sample_is_judged_alone():
    make = zoo.part("discriminator", "dcgan").factory()
    batch, none = (make(image(3, 32, 32), width=4, norm=norm) for norm in ("batch", "none"))
    assert [net.separable for net in (batch, none)] == [False, True]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in none.modules())
    assert all(m.bias is not None for m in none.modules() if isinstance(m, nn.Conv2d))
    x = torch.randn(3, 3, 32, 32)
    alone = torch.cat([none(one[None])["score"] for one in x.unbind()])
    torch.testing.assert_close(none(x)["score"], alone, rtol=1e-4, atol=1e-5)


def test_infogans_discriminator_is_told_labels():
    label = ganzoo.InputSpec("label", "label", (), "data", ("a", "b"))
    D = zoo.part("discriminator", "infogan-net").factory()(image(1, 28, 28), (label,), width=4, norm="none")
    x = torch.randn(1, 1, 28, 28)
    assert D(x, torch.tensor([0]))["score"] != D(x, torch.tensor([1]))["score"]


@pytest.mark.parametrize(("side", "ups", "smallest"), [(28, 2, 7), (32, 3, 4), (64, 4, 4)])
def test_resnets_depth_follows_the_side(side, ups, smallest):
    """Table 4 at 32 pixels: three blocks up from 4×4; two blocks down, two level, then the sum over 8×8."""
    G, D = pair("resnet", image(3, side, side))
    assert G.start == (8, smallest, smallest)
    assert sum(type(m).__name__ == "Up" for m in G.modules()) == ups
    kinds = [type(m).__name__ for m in D.body]
    assert kinds == ["First", *["Down"] * (1 if side < 64 else 2), "Level", "Level", "ReLU"]
    assert D.body(torch.randn(1, 3, side, side)).shape[2:] == ((7, 7) if side == 28 else (8, 8))


def test_halved_sides_have_every_derivative_of_the_filter():
    x = torch.randn(2, 3, 6, 8, dtype=torch.double, requires_grad=True)
    line = torch.tensor([1, 3, 3, 1], dtype=torch.double) / 8
    kernel = torch.outer(line, line)[None, None].expand(3, -1, -1, -1)
    torch.testing.assert_close(halved(x), functional.conv2d(x, kernel, stride=2, padding=1, groups=3))
    assert torch.autograd.gradcheck(halved, x)
    assert torch.autograd.gradgradcheck(halved, x)


def test_halved_sides_take_gradients_in_bf16():
    x = torch.randn(2, 3, 6, 8, requires_grad=True)

    def derivatives():
        made = halved(x)
        (slope,) = torch.autograd.grad(made.float().square().sum(), x, create_graph=True)
        return made.float(), slope, *torch.autograd.grad(slope.square().sum(), x)

    with torch.autocast("cpu", torch.bfloat16):
        assert halved(x).dtype == torch.bfloat16
        found = derivatives()
    torch.testing.assert_close(found, derivatives(), rtol=0.03, atol=0.03)


@pytest.mark.parametrize("name", ["Doubling", "Halving"])
def test_resnets_convolutions_at_two_sides_are_the_papers_two_steps(name):
    """Nearest neighbours and a convolution 3×3, or that and means of 2×2: values and every derivative."""
    layer = getattr(importlib.import_module("ganzoo_networks.resnet"), name)(3, 5).double()
    convolved = functools.partial(functional.conv2d, weight=layer.weight, bias=layer.bias, padding=1)
    apart = {
        "Doubling": lambda x: convolved(functional.interpolate(x, scale_factor=2)),
        "Halving": lambda x: functional.avg_pool2d(convolved(x), 2),
    }[name]
    x = torch.randn(2, 3, 6, 8, dtype=torch.double, requires_grad=True)
    found, expected = layer(x), apart(x)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    pair = [torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()]) for y in (found, expected)]
    torch.testing.assert_close(*pair)


def test_resnets_sizes_are_the_papers():
    G, D = pair("resnet", image(3, 32, 32), {}, {}, latent=128)
    up = 2 * (9 * 256 * 256 + 256) + 256 * 256 + 256 + 4 * 256
    assert count(G) == 129 * 4096 + 3 * up + 2 * 256 + 9 * 256 * 3 + 3
    conv, one = 9 * 128 * 128 + 128, 128 * 128 + 128
    first = 9 * 3 * 128 + 128 + conv + 3 * 128 + 128
    assert count(D) == first + 2 * conv + one + 4 * conv + 129


@pytest.mark.parametrize(
    ("name", "spec", "sentence"),
    [
        ("pacgan-mlp", image(1, 28, 28), "makes and judges points"),
        ("dcgan", points(), "makes and judges pictures"),
        ("dcgan", image(1, 7, 9), "at least 8 pixels, and these pictures have 7x9"),
        ("infogan-net", points(), "makes and judges pictures"),
        ("infogan-net", image(1, 30, 28), "sides that divide by 4"),
        ("resnet", points(), "makes and judges pictures"),
        ("resnet", image(1, 27, 27), "27x27 cannot be"),
    ],
)
@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_what_does_not_fit_is_one_sentence(name, spec, sentence, role):
    make = zoo.part(role, name).factory()
    with pytest.raises(RecipeError, match=sentence):
        make((ganzoo.InputSpec("z", "latent", (6,)),), spec) if role == "generator" else make(spec)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_flattened_maps_lies_as_the_maps_do(layout):
    maps = torch.randn(4, 3, 5, 5).to(memory_format=layout).requires_grad_()
    passed, weight = maps * 1.0, torch.randn(75, 1)
    (gradient,) = torch.autograd.grad((Flatten()(passed) @ weight).square().sum(), passed, create_graph=True)
    assert gradient.is_contiguous(memory_format=layout)
    (wanted,) = torch.autograd.grad((passed.flatten(1) @ weight).square().sum(), passed, create_graph=True)
    assert torch.equal(gradient, wanted)
    second = [torch.autograd.grad(g.square().sum(), maps, retain_graph=True)[0] for g in (gradient, wanted)]
    torch.testing.assert_close(*second)


@pytest.mark.parametrize("within", [False, True])
def test_in_bf16_halved_has_the_gradient_of_fp32_rounded_once(within):
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4).bfloat16()
    rounded, wide = x.bfloat16().requires_grad_(), x.bfloat16().float().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=within):
        (gradient,) = torch.autograd.grad((halved(rounded) * weight).sum(), rounded)
    (wanted,) = torch.autograd.grad((halved(wide) * weight.float()).sum(), wide)
    assert gradient.dtype == torch.bfloat16
    assert torch.equal(gradient, wanted.bfloat16())
