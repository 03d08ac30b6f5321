"""Recipes: paths, files, and what a wrong one says."""

from __future__ import annotations

import pytest

from ganzoo import zoo
from ganzoo.build import game_of, optimizers_of, schedules_of
from ganzoo.errors import RecipeError
from ganzoo.recipes import Recipe
from ganzoo.run import open_data
from ganzoo.specs import DataSpec

DATA = DataSpec("image", (1, 8, 8), size=100)
VARIANTS = [row["name"] for row in zoo.variants()]


def build(recipe, data=DATA):
    game = game_of(recipe, data)
    optimizers = optimizers_of(recipe, game)
    return game, optimizers, schedules_of(recipe, game, optimizers)


@pytest.mark.parametrize("name", VARIANTS)
def test_toml_holds_the_whole_recipe(name, tmp_path):
    recipe = zoo.variant(name)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert Recipe.read(path) == recipe
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize("name", VARIANTS)
def test_tiny_changes_fit_their_recipe(name):
    small = zoo.variant(name).but(changes=zoo.variant(name).tiny)
    assert small.steps <= 20
    assert sum(p.numel() for p in build(small, open_data(small, None).spec)[0].parameters()) < 200_000


def test_paths():
    recipe = zoo.variant("vanilla")
    assert recipe.but(changes={"generator.widths": [32]}).parts["generator"] == {"name": "mlp", "widths": [32]}
    assert recipe.but(changes={"loss": "non-saturating"}).parts["loss"] == "non-saturating"
    assert recipe.but(changes={"optimizers.D.lr": 1}).optimizers["D"] == {"name": "adam", "lr": 1}
    assert recipe.but(changes={"data.flip": True}).data == {"name": "digits", "flip": True}
    assert recipe.but(changes={"data": "ring"}).data == {"name": "ring"}
    assert recipe.but(changes={"terms.r1.weight": 5}).parts["terms"] == {"r1": {"weight": 5}}
    assert recipe.but(changes={"terms.r1.weight": 5, "terms.r1": "none"}).parts["terms"] == {}
    assert recipe.but(changes={"discriminator.norm": "none"}).parts["discriminator"] == {"name": "mlp", "norm": "none"}
    wrapped = recipe.but(changes={"discriminator.wrap": "spectral"})
    assert "wrap" not in wrapped.but(changes={"discriminator.wrap": "none"}).parts["discriminator"]
    assert recipe.but("mine", loss="non-saturating").name == "mine"
    game, optimizers, _ = build(recipe.but(changes={"optimizers.D.lr": 1, "k": 3}))
    assert optimizers["D"].param_groups[0]["lr"] == 1.0
    assert next(iter(game.turns(0))).repeat == 3


def test_schedules_by_path():
    recipe = zoo.variant("vanilla").but(changes={"schedules.D.lr": {"name": "linear", "steps": 10}})
    _, optimizers, schedules = build(recipe)
    for schedule in schedules:
        schedule(5)
    assert optimizers["D"].param_groups[0]["lr"] == pytest.approx(5e-4)
    assert optimizers["G"].param_groups[0]["lr"] == 5e-4
    recipe = zoo.variant("vanilla").but(changes={"schedules.beta1": {"name": "linear", "steps": 10, "end": 0.9}})
    _, optimizers, schedules = build(recipe)
    for schedule in schedules:
        schedule(5)
    assert optimizers["G"].param_groups[0]["betas"] == (pytest.approx(0.7), 0.999)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": "minmax"}, "there is no loss 'minmax'; did you mean 'minimax'?"),
        ({"generator.widht": [3]}, "generator 'mlp' has no option 'widht'; did you mean 'widths'?"),
        ({"generator.widths": "big"}, "option 'widths' of generator 'mlp' is 'big'"),
        ({"lr": 1e-4}, "has nothing called 'lr'; did you mean 'optimizers.G.lr'?"),
        ({"discriminatr": "mlp"}, "has nothing called 'discriminatr'; did you mean 'discriminator'?"),
        ({"batch": 0}, "batch is 0; at least 1 is expected"),
        ({"steps": "many"}, "steps is 'many'; a value of type int is expected"),
        ({"optimizers.E.lr": 1}, "the game has no player 'E'"),
        ({"optimizers.D.name": "adm"}, "there is no optimizer 'adm'; did you mean 'adam'?"),
        ({"optimizers.D": "none"}, "player D has no optimiser"),
        ({"averages.halflife": 3}, "'averages' has no setting 'halflife'; did you mean 'half_life'?"),
        ({"clip.X": 1}, "the game has no player 'X'"),
        ({"schedules.lrr": {"name": "linear", "steps": 5}}, "the optimiser has no number 'lrr'; did you mean 'lr'?"),
        ({"schedules.lr": "linear"}, "schedule 'linear' needs the option 'steps' (int)"),
        ({"schedules.terms.r9.weight": {"name": "linear", "steps": 5}}, "the game has no number there"),
        ({"precision": "fp16"}, "precision is 'fp16'; auto, fp32 or bf16 is expected"),
        ({"prior": "norml"}, "there is no prior 'norml'; did you mean 'normal'?"),
        ({"k": 1.5}, "option 'k' of game 'two-player' is 1.5; a value of type int is expected"),
        ({"k": 0}, "k is 0; at least 1 is expected"),
        ({"clip.G": -3}, "clip.G is -3; a gradient norm above 0 is expected"),
        ({"averages.half_life": -5}, "averages.half_life is -5; at least 0 is expected"),
        ({"terms": "r1"}, "is 'r1'; terms by name are expected, such as terms.NAME.weight=1"),
        ({"terms.r1": True}, "is {'r1': True}; terms by name are expected"),
        ({"generator": "dcgan"}, "dcgan"),
        ({"name": "My GAN"}, "'My GAN' is not a name"),
        ({"name": 3}, "name is 3; text is expected"),
        ({"deviations": 3}, "deviations is (3,); text is expected"),
        ({"prior": {"name": "sphere", "low": 0}}, "prior 'sphere' has no option 'low'; there is none"),
        ({"prior": {"name": "uniform", "hihg": 0}}, "prior 'uniform' has no option 'hihg'; did you mean 'high'?"),
    ],
)
def test_wrong_recipes_say_what_to_do(changes, words):
    data = DataSpec("image", (1, 7, 7), size=100) if changes == {"generator": "dcgan"} else DATA
    with pytest.raises(RecipeError) as caught:
        build(zoo.variant("vanilla").but(changes=changes), data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_option_of_a_game_may_be_empty():
    recipe = Recipe.from_dict({"name": "a", "layers": [], "title": ""}).but(changes={"steps": 5})
    assert recipe.to_dict() == {"name": "a", "layers": [], **Recipe("a", steps=5).to_dict()}


def test_wrong_files(tmp_path):
    with pytest.raises(RecipeError, match="there is no recipe file"):
        Recipe.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= 3")
    with pytest.raises(RecipeError, match="is not a TOML file"):
        Recipe.read(tmp_path / "bad.toml")
    (tmp_path / "anonymous.toml").write_text("steps = 3")
    with pytest.raises(RecipeError, match="has no name"):
        Recipe.read(tmp_path / "anonymous.toml")


def test_initialisation_of_a_part_does_not_depend_on_another():
    import torch

    plain = game_of(zoo.variant("vanilla"), DATA)
    other = game_of(zoo.variant("vanilla").but(changes={"generator.widths": [8]}), DATA)
    reseeded = game_of(zoo.variant("vanilla").but(changes={"seed": 1}), DATA)
    assert all(torch.equal(a, b) for a, b in zip(plain.D.parameters(), other.D.parameters()))
    assert not torch.equal(next(plain.D.parameters()), next(reseeded.D.parameters()))
