"""pix2pix: the costs of patches, who is told what, the networks' shapes, and a picture as input everywhere."""

from __future__ import annotations

import base64
import io
from math import exp, log
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from fastapi.testclient import TestClient
from PIL import Image
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.app.api import create_app
from ganzoo.build import game_of
from ganzoo.cli import cli
from ganzoo.data import open_source
from ganzoo.errors import DataError, InputError, RecipeError
from ganzoo.evaluation import evaluate
from ganzoo.game import Minibatch
from ganzoo.specs import DataSpec

RECIPE = zoo.variant("pix2pix")
TINY = RECIPE.but(changes=dict(RECIPE.tiny))
DATA = DataSpec("image", (3, 16, 16), size=100, pictures={"input": (3, 16, 16)})
INPUT = ganzoo.InputSpec("input", "image", (3, 16, 16), "given", range=(-1.0, 1.0))


def made(role, name, *given, **options):
    return zoo.part(role, name).factory()(*given, **options)


def picture(side=64, channels=3):
    return ganzoo.OutputSpec("image", (channels, side, side))


def deal(game, n=5, player="D"):
    random = torch.Generator().manual_seed(n)
    columns = {k: torch.randint(0, 256, (n, 3, 16, 16), dtype=torch.uint8, generator=random) for k in ("x", "input")}
    turn = next(turn for turn in game.turns(0) if turn.player == player)
    return turn, game.deal(Minibatch(0, n, lambda: columns), turn), columns


@pytest.mark.parametrize("n", [1, 3, 16])
def test_l1_is_the_papers(n):
    torch.manual_seed(n)
    x, x_fake = torch.randn(2, n, 3, 4, 5, dtype=torch.float64).unbind()
    cost = made("term", "l1").generator(SimpleNamespace(x=x, x_fake=x_fake))
    assert cost.item() == pytest.approx(np.abs(x.numpy() - x_fake.numpy()).sum() / (n * 60))
    assert made("term", "l1").generator(SimpleNamespace(x=x, x_fake=x)).item() == 0


@pytest.mark.parametrize("n", [1, 3, 8])
def test_costs_are_means_over_patches(n):
    game = game_of(TINY, DATA)
    turn, round, _ = deal(game, n)
    costs = turn.cost(round)
    real, fake = round.real.score, round.fake.score
    assert real.shape == fake.shape == (n, 6, 6)
    sure = [[1 / (1 + exp(-s)) for s in score.flatten().tolist()] for score in (real, fake)]
    value = sum(log(d) for d in sure[0]) / len(sure[0]) + sum(log(1 - d) for d in sure[1]) / len(sure[1])
    assert costs["non-saturating"].item() == pytest.approx(-value / 2, rel=1e-5)
    turn, round, _ = deal(game, n, "G")
    costs = turn.cost(round)
    assert set(costs) == {"non-saturating", "l1"}
    sure = [1 / (1 + exp(-s)) for s in round.fake.score.flatten().tolist()]
    assert costs["non-saturating"].item() == pytest.approx(-sum(map(log, sure)) / len(sure), rel=1e-5)
    expected = 100 * (round.x - round.x_fake).abs().double().mean().item()
    assert costs["l1"].item() == pytest.approx(expected, rel=1e-5)


def test_both_players_are_told_the_same_input():
    game = game_of(TINY, DATA).eval()
    seen = []
    game.D.register_forward_pre_hook(lambda net, given: seen.append(given))
    _, round, columns = deal(game)
    round.pair()
    ((both, told),) = seen  # in one pass, as D is separable
    expected = columns["input"].float() / 127.5 - 1
    assert torch.allclose(told, torch.cat([expected, expected]), atol=1e-6)
    assert torch.allclose(both[:5], columns["x"].float() / 127.5 - 1, atol=1e-6)
    assert torch.allclose(both[5:], game.G(expected), atol=1e-6)
    assert [spec.name for spec in game.G.spec.inputs] == ["input"]


@pytest.mark.parametrize(("layers", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_its_patch(layers, patch):
    """The papers' sizes, with the normalisation, which sees the whole picture, left out."""
    D = made("discriminator", "patchgan", picture(128), (), width=2, layers=layers).double()
    for name, module in list(D.body.named_children()):
        if isinstance(module, nn.InstanceNorm2d):
            D.body[int(name)] = nn.Identity()
    x = torch.randn(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    score = D(x)["score"]
    middle = score.shape[1] // 2
    (slope,) = torch.autograd.grad(score[0, middle, middle], x)
    rows, columns = (slope[0].abs().sum((0, axis)) > 0 for axis in (2, 1))
    assert rows.sum() == columns.sum() == patch


def test_patchgan_judges_each_sample_by_itself():
    D = made("discriminator", "patchgan", picture(16), (INPUT,), width=4, layers=1)
    x, told = torch.randn(2, 4, 3, 16, 16).unbind()
    whole = D(x, told)
    alone = torch.cat([D(x[k : k + 1], told[k : k + 1])["score"] for k in range(4)])
    assert torch.allclose(whole["score"], alone, atol=1e-5)
    assert whole["features"].shape == (4, D.features)


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 32, 16), (3, 64, 64)])
def test_u_net_halves_to_one_pixel_and_back(shape):
    given = ganzoo.InputSpec("input", "image", (2, *shape[1:]), "given")
    G = made("generator", "u-net", (given,), ganzoo.OutputSpec("image", shape), width=4)
    assert len(G.down) == len(G.up) == min(shape[1:]).bit_length() - 1
    x = torch.randn(3, 2, *shape[1:])
    maps = []
    for down in G.down:
        down.register_forward_hook(lambda net, given, found: maps.append(found))
    assert G.eval()(x).shape == (3, *shape)
    assert min(maps[-1].shape[2:]) == 1
    channels = [min(2**level, 8) * 4 for level in range(len(maps))]
    assert [m.shape[1] for m in maps] == channels


def test_each_level_of_the_way_up_is_told_its_level_of_the_way_down():
    G = made("generator", "u-net", (INPUT,), picture(16), width=4).eval()
    x = torch.randn(2, 3, 16, 16)
    before = G(x)
    for level in range(len(G.down) - 1):
        handle = G.up[level].register_forward_pre_hook(
            lambda net, given: (torch.cat([given[0][:, : given[0].shape[1] // 2], 0 * given[0].chunk(2, 1)[1]], 1),)
        )
        assert (G(x) - before).abs().max() > 1e-3
        handle.remove()


def test_dropout_is_for_training_only():
    G = made("generator", "u-net", (INPUT,), picture(16), width=4)
    x = torch.randn(2, 3, 16, 16)
    assert sum(isinstance(module, nn.Dropout) for module in G.modules()) == 3
    assert not torch.equal(G(x), G(x))
    G.eval()
    assert torch.equal(G(x), G(x))


@pytest.mark.parametrize(
    ("changes", "data", "what"),
    [
        ({}, DataSpec("image", (3, 16, 16), size=9), "told of a sample of these data is 'label'"),
        ({"latent": 8}, DATA, "starts from one picture"),
        ({}, DataSpec("image", (3, 24, 24), size=9, pictures={"input": (3, 24, 24)}), "24x24 does not halve"),
        ({"discriminator.layers": 3}, DATA, "patchgan of 3 layers is not for 16x16"),
        ({"discriminator": "dcgan"}, DATA, "can be told labels, and 'input' is no label"),
        ({"discriminator": "projection"}, DATA, "a projection is of labels, and 'input' is no label"),
        ({"conditions": [], "latent": 8, "generator": "dcgan"}, DATA, "term 'l1' compares samples with their targets"),
        ({"conditions": []}, DATA, "G would have no input"),
    ],
)
def test_what_does_not_fit_is_one_sentence(changes, data, what):
    def play():
        turn, round, _ = deal(game_of(TINY.but(changes=changes), data))
        turn.cost(round)

    with pytest.raises(RecipeError, match=what):
        play()


def test_drawn_pairs_belong_together():
    source = open_source("drawn-pairs", size=32, count=20)
    assert source.spec.size == 20
    assert source.held_out.spec.size == 4
    assert open_source("drawn-pairs", size=32, count=20).fingerprint == source.fingerprint
    columns = source.columns()
    for flat, lit in zip(columns["input"], columns["x"]):
        sky = (flat == 0).all(0)
        assert (lit[2][sky] > 235).all()
        assert (lit[2][~sky] < 235).all()
    with pytest.raises(DataError, match="make no pairs"):
        open_source("drawn-pairs", count=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ganzoo.train("pix2pix", out=tmp_path_factory.mktemp("run") / "run", set={**RECIPE.tiny, "steps": 4})


def test_a_picture_goes_in_by_every_door(run, tmp_path):
    ganzoo.export(run, tmp_path / "model.onnx")
    given = open_source("drawn-pairs", size=16, count=40).columns(3)["input"].numpy().transpose(0, 2, 3, 1)
    Image.fromarray(given[1]).save(tmp_path / "map.png")
    ours, theirs = (ganzoo.load(place).sample(input=given).images for place in (run.path, tmp_path / "model.onnx"))
    assert ours.shape == (3, 16, 16, 3)
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    done = CliRunner().invoke(
        cli, ["sample", str(tmp_path / "model.onnx"), "-n", "1", "--input", f"input={tmp_path / 'map.png'}",
              "-o", str(tmp_path / "out")],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (written,) = (tmp_path / "out").glob("*.png")
    assert np.array_equal(np.asarray(Image.open(written)), theirs[1])
    with TestClient(create_app([tmp_path / "model.onnx"], page=False), "http://127.0.0.1") as client:
        sent = base64.b64encode((tmp_path / "map.png").read_bytes()).decode()
        answer = client.post("/v1/sample", json={"n": 1, "input": sent, "format": "json"}).json()
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["images"][0])))), theirs[1])
    with pytest.raises(InputError, match="starts from a picture; give one as input="):
        run.sampler().sample(2)


def test_the_pictures_of_a_run_are_input_output_target(run):
    sheet = np.asarray(Image.open(run.path / "samples" / "step-00000004.png"))
    assert sheet.shape == (4 * 18 + 2, 12 * 18 + 2, 3)
    columns = open_source("drawn-pairs", size=16, count=40).columns(16)
    for k, place in ((0, "input"), (2, "x")):
        left = 2 + 18 * k
        assert np.array_equal(sheet[2:18, left : left + 16], columns[place][0].permute(1, 2, 0))


def test_evaluate_finds_the_data_as_they_were(run):
    found = evaluate(run.path)
    figures = found["metrics"]["l1"]
    assert 0 < figures["figures"]["l1"] < 1
    assert figures["beside"]["floor: the mean target for each"]["of_mean"] == 1
    assert "held out (8)" in figures["protocol"]
    assert figures["samples"] is None
    assert found["metrics"]["swd"]["samples"] == 40
    told = CliRunner().invoke(cli, ["evaluate", str(run.path), "--metric", "l1", "--metric", "swd"]).stdout
    assert "\nl1\n" in told
    assert "\nswd: 40 samples, seeds 1000000 to 1000039\n" in told
