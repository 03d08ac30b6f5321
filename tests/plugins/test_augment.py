"""Augmentations: each transformation on pictures made by hand, its slopes, p's recurrence, and any variant with one."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganzoo import checkpoint, zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.run import open_data
from ganzoo.specs import DataSpec, InputSpec, OutputSpec
from ganzoo.state import read_state
from ganzoo_augment import transforms
from ganzoo_augment.diffaugment import brightened, contrasted, holed, moved, saturated

NAMES = ["diffaugment", "ada"]
SHAPES = [(1, 1, 8, 8), (3, 3, 7, 10), (16, 3, 8, 6), (5, 1, 9, 9)]


def make(name, **options):
    return zoo.part("augment", name).build({"name": name, **options}, {})


def network(shape=(1, 8, 8), range=(-1.0, 1.0), told=()):
    """What an augmentation is attached to: a G that makes these, and a D that is told pictures of these names."""
    inputs = [InputSpec(name, "image", shape, "given", range=range) for name in told]
    G = SimpleNamespace(spec=SimpleNamespace(output=OutputSpec("image", shape, range), of_kind=lambda kind: inputs))
    return G, SimpleNamespace(conditions=told)


def pictures(shape, dtype=torch.float32):
    torch.manual_seed(shape[0])
    return torch.rand(shape, dtype=dtype) * 2 - 1


def each(*numbers):
    return torch.tensor(numbers, dtype=torch.float32)


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


# DiffAugment


@pytest.mark.parametrize("shape", SHAPES)
def test_every_transformation_at_strength_nothing_is_the_identity(shape):
    x, n = pictures(shape), shape[0]
    same(brightened(x, torch.zeros(n)), x)
    same(saturated(x, torch.ones(n)), x)
    same(contrasted(x, torch.ones(n)), x)
    nowhere = torch.zeros(n, dtype=torch.int64)
    assert torch.equal(moved(x, nowhere, nowhere), x)
    assert torch.equal(holed(x, nowhere, nowhere, (0, 0)), x)
    assert torch.equal(make("diffaugment", policy=["translation", "cutout"], translation=0.0, cutout=0.0)(x), x)
    assert torch.equal(make("diffaugment", policy=[])(x), x)


def test_colours_of_pixels_by_hand():
    """Two pictures of two pixels: (0, 0.3, 0.6) and (0.9, 0.6, 0.3), the mean of a pixel 0.3 and 0.6, of all 0.45."""
    x = each(0, 0.9, 0.3, 0.6, 0.6, 0.3).reshape(1, 3, 1, 2).repeat(2, 1, 1, 1)
    same(brightened(x, each(0.25, -0.5))[:, :, 0, 0], torch.tensor([[0.25, 0.55, 0.85], [-0.5, -0.2, 0.1]]))
    more, none = saturated(x, each(2, 0))
    same(more[:, 0], torch.tensor([[-0.3, 1.2], [0.3, 0.6], [0.9, 0.0]]))
    same(none[:, 0], torch.tensor([[0.3, 0.6]] * 3))
    strong, flat = contrasted(x, each(1.5, 0))
    same(strong[:, 0], torch.tensor([[-0.225, 1.125], [0.225, 0.675], [0.675, 0.225]]))
    same(flat, torch.full_like(flat, 0.45))


def test_grey_has_no_saturation_but_has_brightness_and_contrast():
    x = pictures((4, 1, 5, 5))
    same(saturated(x, each(0, 0.5, 1, 2)), x)
    altered = make("diffaugment", policy=["color"])(x)
    assert (altered != x).flatten(1).any(1).all()
    spread = altered.flatten(1).std(1) / x.flatten(1).std(1)
    assert ((spread > 0.5) & (spread < 1.5)).all()


def test_a_shift_is_exact_and_zeros_come_in():
    x = torch.arange(1.0, 13.0).reshape(1, 1, 3, 4).repeat(3, 2, 1, 1)
    down, left, away = moved(x, torch.tensor([1, 0, -3]), torch.tensor([2, -1, 0]))
    assert down[1].tolist() == [[0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 5, 6]]
    assert left[0].tolist() == [[2, 3, 4, 0], [6, 7, 8, 0], [10, 11, 12, 0]]
    assert not away.any()


@pytest.mark.parametrize("side", [8, 9])
def test_shifts_are_even_up_to_an_eighth_both_ways(side):
    """Of 8 pixels one: a dot in the middle is found in nine places, each as often."""
    x = torch.zeros(9000, 1, side, side)
    x[:, :, 4, 4] = 1
    torch.manual_seed(0)
    where = make("diffaugment", policy=["translation"])(x).sum((0, 1))
    assert where[3:6, 3:6].sum() == 9000
    assert (where[3:6, 3:6] - 1000).abs().max() < 5 * math.sqrt(1000)


def test_a_hole_has_half_the_sides_and_lies_anywhere():
    """Of 8x8 the hole is 4x4: its first row is −2 to 6, evenly (a hole of even sides has two middles)."""
    x = torch.ones(9000, 1, 8, 8)
    torch.manual_seed(0)
    gone = make("diffaugment", policy=["cutout"])(x) == 0
    area = gone.sum((1, 2, 3))
    whole, corner = (area == 16).float().mean().item(), (area == 4).float().mean().item()
    assert area.max() == 16
    assert whole == pytest.approx((5 / 9) ** 2, abs=0.03)
    assert corner == pytest.approx((2 / 9) ** 2, abs=0.02)
    assert gone[:, 0].float().mean((0, 1)).tolist() == pytest.approx(
        [c / 9 * area_of(8) for c in reach(8, 4)], abs=0.02
    )


def reach(side, hole):
    """In how many of the places of a hole it covers each column."""
    return [
        sum(0 <= column - first < hole for first in range(-hole // 2, side - hole // 2 + 1)) for column in range(side)
    ]


def area_of(side):
    """The mean share of the rows that a hole covers."""
    return sum(reach(side, side // 2)) / (side + 1) / side


def test_a_hole_where_it_is_put():
    x = torch.ones(2, 3, 4, 5)
    inside, over = holed(x, torch.tensor([1, -1]), torch.tensor([3, 0]), (2, 2), fill=0.5)
    assert inside[2].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0.5, 0.5], [1, 1, 1, 0.5, 0.5], [1, 1, 1, 1, 1]]
    assert over[0].tolist() == [[0.5, 0.5, 1, 1, 1], [1] * 5, [1] * 5, [1] * 5]


@pytest.mark.parametrize("name", NAMES)
def test_in_another_range_the_same_is_done(name):
    """Pixels in [0, 1] are altered as those in [−1, 1] are: what comes in is mid-grey, 0.5."""
    x, options = pictures((6, 3, 8, 8)), {"start": 1.0} if name == "ada" else {}
    found = []
    for range in ((-1.0, 1.0), (0.0, 1.0)):
        augment = make(name, **options)
        augment.attach(*network((3, 8, 8), range))
        torch.manual_seed(3)
        found.append(augment(x if range[0] else (x + 1) / 2))
    torch.testing.assert_close(found[0], found[1] * 2 - 1, rtol=0, atol=1e-5)


# ADA: what each matrix does


def test_flips_and_quarter_turns_are_those_of_torch():
    for shape in ((2, 3, 8, 8), (2, 1, 7, 7)):
        x, one = pictures(shape), torch.ones(2)
        assert torch.equal(transforms.resampled(x, transforms.scaling(-one, one)), x.flip(3))
        for k, (cos, sin) in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
            turned = transforms.resampled(x, transforms.turn(cos * one, sin * one))
            assert torch.equal(turned, torch.rot90(x, k, (2, 3)))


def test_what_comes_in_mirrors_the_picture():
    """Read two pixels to the left: columns 2, 1, 0, 1 of a, b, c, d, as numpy's mode 'reflect' has it."""
    x = each(1, 2, 3, 4).reshape(1, 1, 1, 4).repeat(1, 1, 2, 1)
    at = transforms.resampled(x, transforms.shift(each(-2), each(0)))
    assert at[0, 0].tolist() == [[3, 2, 1, 2]] * 2
    assert transforms.mirrored(each(-4, -1, 0, 3, 4, 6, 7), 4).tolist() == [2, 1, 0, 3, 2, 0, 1]


def test_between_pixels_is_between_their_values():
    """Bilinear: a picture that is linear in its coordinates is read exactly, anywhere inside."""
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    x = (2 * columns - 3 * rows + 1)[None, None]
    moved_by = transforms.resampled(x, transforms.shift(each(0.25), each(-0.5)))
    same(moved_by[..., 1:-1, 1:-1], (x + 2 * 0.25 + 3 * 0.5)[..., 1:-1, 1:-1])
    zoomed = transforms.resampled(
        x, transforms.scaling(each(0.5), each(0.5))
    )  # read at half the distance: twice as large
    centre = x[..., 4, 4].item()
    same(zoomed, centre + (x - centre) / 2)
    cos, sin = math.cos(0.3), math.sin(0.3)
    turned = transforms.resampled(x, transforms.turn(each(cos), each(sin)))
    u, v = columns - 4, rows - 4
    due = (2 * (cos * u - sin * v) - 3 * (sin * u + cos * v) + centre)[None, None]
    torch.testing.assert_close(turned[..., 2:7, 2:7], due[..., 2:7, 2:7], rtol=0, atol=1e-5)


def test_colours_of_matrices_by_hand():
    """Pure red in [−1, 1] and grey, through each matrix."""
    red, grey = torch.tensor([1.0, -1, -1]), torch.tensor([0.5, 0.5, 0.5])
    x = torch.stack([red, grey])[:, :, None, None].expand(2, 3, 2, 2)

    def becomes(matrix):
        return transforms.recoloured(x, matrix.expand(2, 4, 4), 0.0, 1.0)[:, :, 1, 0]

    def due(*rows):
        return torch.tensor(rows, dtype=torch.float32)

    same(becomes(transforms.shift(*[each(0.2)] * 3)), due([1.2, -0.8, -0.8], [0.7] * 3))
    same(becomes(transforms.scaling(*[each(0.5)] * 3)), due([0.5, -0.5, -0.5], [0.25] * 3))
    third = 1 / 3  # red's luma is −1/3: flipped it is 1/3 and the distance from grey stays
    same(becomes(transforms.luma_flip(each(1))), due([1 + 2 * third, -1 + 2 * third, -1 + 2 * third], [-0.5] * 3))
    same(becomes(transforms.hue(each(2 * math.pi / 3))), due([-1, 1, -1], [0.5] * 3))
    same(becomes(transforms.saturation(each(0))), due([-third] * 3, [0.5] * 3))
    same(becomes(transforms.saturation(each(2))), due([7 * third, -5 * third, -5 * third], [0.5] * 3))


def test_of_grey_light_alone_can_change():
    x = pictures((3, 1, 4, 4))
    hue, saturation = transforms.hue(each(0.3, 1, 3)), transforms.saturation(each(0, 0.5, 4))
    same(transforms.recoloured(x, hue, 0.0, 1.0), x)
    same(transforms.recoloured(x, saturation, 0.0, 1.0), x)
    same(transforms.recoloured(x, transforms.luma_flip(each(1, 1, 1)), 0.0, 1.0), -x)
    same(transforms.recoloured(x, transforms.shift(*[each(0.1, 0.2, 0.3)] * 3), 0.0, 1.0)[2], x[2] + 0.3)


# ADA: the pipeline


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("range", [(-1.0, 1.0), (0.0, 1.0), (0.1, 0.7)])
def test_at_p_nothing_ada_is_the_identity_to_the_bit(shape, range):
    augment = make("ada")
    augment.attach(*network(shape[1:], range))
    x = pictures(shape)
    assert torch.equal(augment(x), x)


@pytest.mark.parametrize("p", [0.25, 1.0])
def test_each_transformation_is_taken_with_probability_p(p):
    """A quarter of the quarter turns and half of the flips are none: a shape that no turn maps to itself shows them."""
    augment = make("ada", policy=["blit"], start=p)
    x = torch.zeros(8000, 1, 16, 16)
    x[:, :, 7, 5], x[:, :, 6, 8] = 1, 2
    torch.manual_seed(0)
    seen = augment.geometry(len(x), 16, 16)
    linear = seen[:, :2, :2]
    still = (linear == torch.eye(2)).flatten(1).all(1).float().mean().item()
    both = p * p * 0.5 * 0.25 + p * (1 - p) * (0.5 + 0.25) + (1 - p) ** 2
    assert still == pytest.approx(both, abs=0.02)
    assert (torch.linalg.det(linear) < 0).float().mean().item() == pytest.approx(p / 2, abs=0.02)
    assert (seen[:, :2, 2] == seen[:, :2, 2].round()).all()
    assert seen[:, :2, 2].abs().max() <= 2
    assert (augment(x).sum((1, 2, 3)) == 3).all()


def test_of_two_turns_one_is_taken_with_probability_p():
    augment = make("ada", policy=["geometry"], start=0.36)
    torch.manual_seed(0)
    chance = 1 - math.sqrt(1 - 0.36)
    one = augment.turned(20_000, torch.tensor(chance))
    assert (one[:, 0, 0] != 1).float().mean().item() == pytest.approx(0.2, abs=0.01)
    found = augment.geometry(20_000, 8, 8)[:, :2, :2]
    straight = (found[:, 0, 1].abs() < 1e-6).float().mean().item()
    assert straight == pytest.approx(1 - 0.36, abs=0.02)


def test_strengths_are_those_of_the_paper():
    """Of what is drawn for 20,000 pictures 10 pixels high and 20 wide, told from the matrices alone."""
    augment = make("ada", policy=["geometry", "color"], start=1.0)
    torch.manual_seed(0)
    where = augment.geometry(20_000, 10, 20)
    zoom = torch.linalg.det(where[:, :2, :2]).log2() / -2
    assert zoom.std().item() == pytest.approx(0.2, rel=0.03)
    sideways = -torch.linalg.solve(where[:, :2, :2], where[:, :2, 2])
    assert sideways.std(0).tolist() == pytest.approx([0.125 * 20, 0.125 * 10], rel=0.03)
    stretch = torch.linalg.svdvals(where[:, :2, :2])  # its greater by its lesser is the stretch squared, or the inverse
    assert (stretch[:, 0] / stretch[:, 1]).log2().square().mean().sqrt().item() == pytest.approx(0.4, rel=0.03)
    colours = augment.colours(20_000)
    light = colours[:, :3, :3].sum((1, 2)) / 3  # what it is multiplied by: contrast, negative where it is flipped
    assert (light < 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert light.abs().log2().std().item() == pytest.approx(0.5, rel=0.03)
    assert (colours[:, :3, 3].mean(1) / light).std().item() == pytest.approx(0.2, rel=0.03)
    saturation = (torch.linalg.det(colours[:, :3, :3]) / light**3).abs().sqrt()
    assert saturation.log2().std().item() == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_follows_the_seed_and_differs_by_picture(name):
    augment = make(name, **({"start": 1.0} if name == "ada" else {}))
    x = pictures((1, 3, 8, 8)).expand(6, 3, 8, 8)
    torch.manual_seed(5)
    first, second = augment(x), augment(x)
    torch.manual_seed(5)
    assert torch.equal(augment(x), first)
    assert not torch.equal(first, second)
    assert all(not torch.allclose(first[i], first[j]) for i in range(6) for j in range(i))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_slopes_by_finite_differences(name, channels):
    augment = make(name, **({"start": 1.0} if name == "ada" else {}))

    def altered(x):
        torch.manual_seed(1)
        return augment(x)

    x = pictures((2, channels, 3, 4), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(altered, x)
    assert torch.autograd.gradgradcheck(lambda x: altered(x).square(), x)


# ADA: p


def round_of(scores, m):
    return SimpleNamespace(
        real=SimpleNamespace(score=torch.tensor(scores)), x=torch.zeros(m, 1, 2, 2), mean=torch.Tensor.mean
    )


def test_p_follows_the_papers_recurrence():
    """Minibatches of 4, p every second one, 0 to 1 in 80 images: a step is 8/80. r_t: (1 + 0.5)/2, (1 + 0)/2, 1."""
    augment = make("ada", interval=2, images=80.0)
    seen = []
    for scores in ([1.0, 2, 3, 4], [1.0, 1, -1, 0.5], [9.0, 8, 7, 6], [1.0, -1, 1, -5], [1.0] * 4, [0.1] * 4):
        augment.settle(round_of(scores, 4))
        seen.append((augment.p.item(), augment.r_t.item(), augment.turns.item(), augment.signs.item()))
    assert [turns for *_, turns, _ in seen] == [1, 0, 1, 0, 1, 0]
    assert [p for p, *_ in seen] == pytest.approx([0, 0.1, 0.1, 0, 0, 0.1])
    assert [r for _, r, *_ in seen] == pytest.approx([0, 0.75, 0.75, 0.5, 0.5, 1])
    assert [signs for *_, signs in seen] == pytest.approx([1, 0, 1, 0, 1, 0])
    assert augment.report(round_of([1.0], 1)).keys() == {"p", "r_t"}


def test_p_stays_a_probability():
    augment = make("ada", interval=1, images=10.0)
    for scores, due in (([-1.0], 0.0), ([1.0], 0.4), ([1.0], 0.8), ([1.0], 1.0), ([1.0], 1.0), ([-1.0], 0.6)):
        augment.settle(round_of(scores * 4, 4))
        assert augment.p.item() == pytest.approx(due)


def test_p_is_held_where_it_starts():
    augment = make("ada", interval=1, images=math.inf, start=0.3)
    for scores in ([1.0], [-1.0]):
        augment.settle(round_of(scores, 4))
        assert augment.p.item() == pytest.approx(0.3)


def engine(name, **changes):
    recipe = zoo.variant(name)
    recipe = recipe.but(changes={**recipe.tiny, **changes})
    return engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})


def test_a_resumed_run_has_the_same_p(tmp_path):
    """Stopped inside an interval: four states and all weights to the bit."""
    fast = {"augment.images": 200.0}
    whole, first, second = (engine("ada", **fast) for _ in range(3))
    whole.play(11)
    first.play(6)
    assert first.game.augment.turns == 2
    assert 0 < first.game.augment.p < 1 or first.game.augment.r_t != 0
    checkpoint.save(tmp_path / "half.safetensors", first, {})
    checkpoint.restore(read_state(tmp_path / "half.safetensors"), second)
    second.play(11)
    assert {"augment.p", "augment.r_t", "augment.signs", "augment.turns"} <= whole.game.state_dict().keys()
    for name, tensor in whole.game.state_dict().items():
        assert torch.equal(tensor, second.game.state_dict()[name]), name


def test_lazy_turns_and_those_of_g_leave_p_alone():
    """Two D turns a step and a lazy one at every third: after five steps ten have counted."""
    played = engine("ada", **{"k": 2, "terms.r1.every": 3, "augment.interval": 100})
    played.play(5)
    assert played.game.augment.turns == 10


# any variant


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["vanilla", "wgan-gp", "cgan", "pacgan"])
def test_any_variant_of_pictures_takes_one(name, variant):
    data = (
        {"data": "digits", "generator": "dcgan", "discriminator": "dcgan", "generator.width": 4}
        if variant == "pacgan"
        else {}
    )
    options = {"augment.start": 0.9, "augment.images": math.inf} if name == "ada" else {}
    changes = {**data, "augment.name": name, **options, "batch": 8}
    played = engine(variant, **changes)
    shown = []
    played.game.augment.register_forward_hook(lambda _m, given, made: shown.append(not torch.equal(given[0], made)))
    played.rehearse()
    played.play(2)
    played.verify()
    assert shown
    assert all(shown)


@pytest.mark.parametrize("name", NAMES)
def test_points_are_refused_before_the_first_step(name):
    recipe = zoo.variant("vanilla").but(changes={"augment": name})
    with pytest.raises(RecipeError, match=rf"^{name} augments pictures, and these data are points; leave out augment$"):
        game_of(recipe, DataSpec("points", (2,), size=100))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_that_d_is_told_are_refused(name):
    with pytest.raises(RecipeError, match="not the picture 'input' that it is told"):
        make(name).attach(*network(told=("input",)))


def test_ada_is_for_grey_and_for_three_colours():
    with pytest.raises(RecipeError, match="1 or 3 channels; these have 2"):
        make("ada").attach(*network((2, 8, 8)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("diffaugment", {"cutout": 1.5}),
        ("diffaugment", {"translation": -0.1}),
        ("diffaugment", {"policy": ["colour"]}),
        ("ada", {"start": 2.0}),
        ("ada", {"images": 0.0}),
        ("ada", {"interval": 0}),
        ("ada", {"policy": ["noise"]}),
    ],
)
def test_options_out_of_range_are_refused(name, options):
    with pytest.raises(RecipeError):
        make(name, **options)
