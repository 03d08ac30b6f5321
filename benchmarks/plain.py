"""The training loops that people write by hand, for `benchmarks/speed.py` to be compared with.

`Plain` is what a tutorial does: a DataLoader of floats, fp32, Adam as it comes, a cost on sigmoids, a turn of G that
computes D's gradients too, and `.item()` at every step. `ByHand` is the same play with the operations that the engine
uses, and without an engine: what is left of the difference is what the engine costs. `Together` plays several seeds at
once by torch.func.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import conv2d, relu, softplus
from torch.utils.data import DataLoader, TensorDataset

Costs = tuple[Callable[["Plain", Tensor, Tensor], Tensor], Callable[["Plain", Tensor, Tensor], Tensor]]


class Plain:
    """The loop of a tutorial.

    G, D    put in torch's default layout; D answers {'score': [N]}
    images  float [M, C, H, W] in G's range, or points [M, d]
    costs   of D and of G, each of a batch of data and one of fakes
    """

    def __init__(
        self, G: nn.Module, D: nn.Module, images: Tensor, *, batch: int, latent: int, k: int, costs: Costs
    ) -> None:
        self.G, self.D = (net.to(memory_format=torch.contiguous_format) for net in (G, D))
        for net in (self.G, self.D):
            net.requires_grad_(True).train()
        self.loader = DataLoader(TensorDataset(images), batch_size=batch, shuffle=True, drop_last=True)
        self.batches = self._endless()
        self.batch, self.latent, self.k = batch, latent, k
        self.D_cost, self.G_cost = costs
        self.D_adam = torch.optim.Adam(self.D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.G_adam = torch.optim.Adam(self.G.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.losses: list[float] = []

    def judge(self, x: Tensor) -> Tensor:
        """D's scores, float [N]."""
        return self.D(x)["score"]

    def fake(self) -> Tensor:
        """A batch of G's."""
        return self.G(torch.randn(self.batch, self.latent))

    def play(self, steps: int) -> None:
        for _ in range(steps):
            for _ in range(self.k):
                (real,) = next(self.batches)
                self.descend(self.D_adam, self.D_cost(self, real, self.fake().detach()))
            self.descend(self.G_adam, self.G_cost(self, real, self.fake()))

    def descend(self, adam: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of a player."""
        adam.zero_grad()
        loss.backward()
        adam.step()
        self.losses.append(loss.item())

    def _endless(self) -> Iterator[list[Tensor]]:
        while True:
            yield from self.loader


class PlainStyles(Plain):
    """StyleGAN2 as it is written by hand: a convolution's weights made for each sample and all samples' convolutions
    one of many groups, R1 at every 16th step and the path length at every 4th, each by a step of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.done, self.length = 0, torch.zeros(())
        for part in self.G.modules():
            if hasattr(part, "convolved"):
                part.forward = partial(by_groups, part)  # type: ignore[method-assign,assignment]

    def styles(self) -> Tensor:
        """w [N, layers, d]: of two z from a random layer on, nine times in ten."""
        layers = self.G.mapping.spec.output.shape[0]
        w, other = (self.G.mapping.styles(torch.randn(self.batch, self.latent))[:, None] for _ in range(2))
        crossing = torch.randint(1, layers, (1,)).item() if torch.rand(()) < 0.9 else layers
        return torch.where((torch.arange(layers) < crossing)[None, :, None], w, other)

    def pictures(self, w: Tensor) -> Tensor:
        """Of these styles."""
        noise = [torch.randn(self.batch, *spec.shape) for spec in self.G.synthesis.spec.inputs[1:]]
        return self.G.synthesis(w, *noise)

    def fake(self) -> Tensor:
        """A batch of G's."""
        return self.pictures(self.styles())

    def play(self, steps: int) -> None:
        for _ in range(steps):
            super().play(1)
            if self.done % 16 == 0:
                (x,) = next(self.batches)
                x.requires_grad_()
                (gradient,) = torch.autograd.grad(self.judge(x).sum(), x, create_graph=True)
                self.descend(self.D_adam, 16 * 0.01 / 2 * gradient.square().sum((1, 2, 3)).mean())
            if self.done % 4 == 0:
                w = self.styles()
                x = self.pictures(w)
                (gradient,) = torch.autograd.grad((x * torch.randn_like(x) / x.shape[2]).sum(), w, create_graph=True)
                lengths = gradient.square().sum(2).mean(1).sqrt()
                self.length = self.length + 0.01 * (lengths.mean().detach() - self.length)
                self.descend(self.G_adam, 4 * 2 * (lengths - self.length).square().mean())
            self.done += 1


def by_groups(conv: Any, x: Tensor, w: Tensor) -> Tensor:
    """A modulated convolution whose weights are made for each sample; to pixels (with a bias) not demodulated."""
    count, side = x.shape[0], conv.weight.shape[2]
    weight = conv.weight[None] * conv.scale * conv.style(w)[:, None, :, None, None]
    if not hasattr(conv, "bias"):
        weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
    x = x.reshape(1, -1, *x.shape[2:])
    x = conv2d(x, weight.reshape(-1, *weight.shape[2:]), padding=side // 2, groups=count)
    x = x.reshape(count, -1, *x.shape[2:])
    return x + conv.bias[:, None, None] if hasattr(conv, "bias") else x


bce = nn.BCELoss()


def sigmoid_D(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    on_real, on_fake = (torch.sigmoid(loop.judge(x)) for x in (real, fake))
    return bce(on_real, torch.ones_like(on_real)) + bce(on_fake, torch.zeros_like(on_fake))


def sigmoid_G(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    on_fake = torch.sigmoid(loop.judge(fake))
    return bce(on_fake, torch.ones_like(on_fake))


def hinge_D(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - loop.judge(real)).mean() + relu(1 + loop.judge(fake)).mean()


def critic_G(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    return -loop.judge(fake).mean()


def wgan_gp_D(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    share = torch.rand(len(real), 1, 1, 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(loop.judge(between).sum(), between, create_graph=True)
    penalty = (gradient.flatten(1).norm(2, dim=1) - 1).pow(2).mean()
    return loop.judge(fake).mean() - loop.judge(real).mean() + 10 * penalty


def paired_D(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    penalties = []
    for x in (real, fake):
        x = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loop.judge(x).sum(), x, create_graph=True)
        penalties.append(gradient.square().sum((1, 2, 3)).mean() / 2)
    return softplus(loop.judge(fake) - loop.judge(real)).mean() + penalties[0] + penalties[1]


def paired_G(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(loop.judge(real) - loop.judge(fake)).mean()


def softplus_D(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(loop.judge(fake)).mean() + softplus(-loop.judge(real)).mean()


def softplus_G(loop: Plain, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-loop.judge(fake)).mean()


SIGMOID: Costs = (sigmoid_D, sigmoid_G)
HINGE: Costs = (hinge_D, critic_G)
WGAN_GP: Costs = (wgan_gp_D, critic_G)
PAIRED: Costs = (paired_D, paired_G)
SOFTPLUS: Costs = (softplus_D, softplus_G)


class ByHand:
    """Non-saturating play of two networks with what the engine does, in the order it does it: uint8 minibatches made
    floats late, one pass of D for both where that is the same, frozen players, fused Adam, averages of G."""

    def __init__(self, G: nn.Module, D: nn.Module, draw: Callable[[int], Tensor], *, batch: int, latent: int) -> None:
        self.G, self.D, self.draw, self.batch, self.latent = copy.deepcopy(G), copy.deepcopy(D), draw, batch, latent
        self.averaged = [p.clone() for p in self.G.state_dict().values() if p.is_floating_point()]
        self.live = [p for p in self.G.state_dict().values() if p.is_floating_point()]
        self.adams = [torch.optim.Adam(net.parameters(), lr=2e-4, fused=True) for net in (self.D, self.G)]
        self.together = getattr(self.D, "separable", False)
        self.step = 0

    def play(self, steps: int) -> None:
        D_adam, G_adam = self.adams
        for _ in range(steps):
            self.D.requires_grad_(True)
            self.G.requires_grad_(False)
            D_adam.zero_grad()
            z = torch.randn(self.batch, self.latent)
            real, fake = self.draw(self.step), self.G(z)
            if self.together:
                on_real, on_fake = self.D(torch.cat([real, fake]))["score"].chunk(2)
            else:
                on_real, on_fake = self.D(real)["score"], self.D(fake)["score"]
            (softplus(-on_real).mean() + softplus(on_fake).mean()).backward()
            D_adam.step()
            self.D.requires_grad_(False)
            self.G.requires_grad_(True)
            G_adam.zero_grad()
            softplus(-self.D(self.G(torch.randn(self.batch, self.latent)))["score"]).mean().backward()
            G_adam.step()
            with torch.no_grad():
                torch._foreach_lerp_(self.averaged, self.live, 0.001)
            self.step += 1


class Together:
    """Non-saturating play of several seeds' networks as one program, by torch.func: their weights stacked, a step of
    all in one step. What is random within the networks is drawn for all seeds together, so no seed's result is the one
    it has alone."""

    def __init__(
        self, games: Sequence[tuple[nn.Module, nn.Module]], draw: Callable[[int], Tensor], *, batch: int, latent: int
    ) -> None:
        self.nets = [copy.deepcopy(net) for net in games[0]]
        stacked = [stack_module_state(list(nets)) for nets in zip(*games)]
        self.weights = [weights for weights, _ in stacked]
        self.buffers = [buffers for _, buffers in stacked]
        self.adams = [torch.optim.Adam(list(w.values()), lr=2e-4, fused=True) for w in self.weights]
        self.draw, self.batch, self.latent, self.count, self.step = draw, batch, latent, len(games), 0
        self.D_costs = vmap(self.D_cost, randomness="different")
        self.G_costs = vmap(self.G_cost, randomness="different")

    def D_cost(self, weights: Any, buffers: Any, real: Tensor, z: Tensor) -> Tensor:
        fake = functional_call(self.nets[0], (weights[0], buffers[0]), (z,))
        scores = functional_call(self.nets[1], (weights[1], buffers[1]), (torch.cat([real, fake.detach()]),))["score"]
        on_real, on_fake = scores.chunk(2)
        return softplus(-on_real).mean() + softplus(on_fake).mean()

    def G_cost(self, weights: Any, buffers: Any, z: Tensor) -> Tensor:
        fake = functional_call(self.nets[0], (weights[0], buffers[0]), (z,))
        return softplus(-functional_call(self.nets[1], (weights[1], buffers[1]), (fake,))["score"]).mean()

    def play(self, steps: int) -> None:
        for _ in range(steps):
            z = torch.randn(2, self.count, self.batch, self.latent)
            real = torch.stack([self.draw(self.step * self.count + seed) for seed in range(self.count)])
            self.descend(1, self.D_costs, real, z[0])
            self.descend(0, self.G_costs, z[1])
            self.step += 1

    def descend(self, player: int, cost: Callable[..., Tensor], *seen: Tensor) -> None:
        """One step of all seeds' G (0) or D (1)."""
        for number, weights in enumerate(self.weights):
            for weight in weights.values():
                weight.requires_grad_(number == player)
        self.adams[player].zero_grad()
        cost(self.weights, self.buffers, *seen).sum().backward()
        self.adams[player].step()
