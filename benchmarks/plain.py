"""The training loops that people write by hand, for `benchmarks/speed.py` to be compared with.

`Plain` is what a tutorial does: a DataLoader of floats, fp32, Adam as it comes, a cost on sigmoids, a turn of G that
computes D's gradients too, and `.item()` at every step. `ByHand` is the same play with the operations that the engine
uses, and without an engine: what is left of the difference is what the engine costs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
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

    def play(self, steps: int) -> None:
        for _ in range(steps):
            for _ in range(self.k):
                (real,) = next(self.batches)
                self.D_adam.zero_grad()
                fake = self.G(torch.randn(self.batch, self.latent)).detach()
                loss = self.D_cost(self, real, fake)
                loss.backward()
                self.D_adam.step()
                self.losses.append(loss.item())
            self.G_adam.zero_grad()
            fake = self.G(torch.randn(self.batch, self.latent))
            loss = self.G_cost(self, real, fake)
            loss.backward()
            self.G_adam.step()
            self.losses.append(loss.item())

    def _endless(self) -> Iterator[list[Tensor]]:
        while True:
            yield from self.loader


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


SIGMOID: Costs = (sigmoid_D, sigmoid_G)
HINGE: Costs = (hinge_D, critic_G)
WGAN_GP: Costs = (wgan_gp_D, critic_G)
PAIRED: Costs = (paired_D, paired_G)


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
