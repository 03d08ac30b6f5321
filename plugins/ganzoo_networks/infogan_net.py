"""The networks that Lucic et al. 2018, Are GANs Created Equal? (arXiv:1711.10337), compare all losses on: those of
Chen et al. 2016, InfoGAN (arXiv:1606.03657), for any picture whose sides divide by 4."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.flatten import Flatten
from ganzoo_networks.planes import beside
from ganzoo_networks.sizes import picture


class Generator(ganzoo.GeneratorNet):
    """Two linear layers, then two transposed convolutions 4×4 of stride 2 and a sigmoid: pixels in [0, 1].
    BatchNorm and leaky ReLU of slope 0.2 between. Weights N(0, 0.02²).

    width  channels before the last layer; the others keep the paper's ratios to it (16, 2)
    """

    def __init__(self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, width: int = 64) -> None:
        super().__init__(inputs, ganzoo.OutputSpec(output.kind, output.shape, range=(0.0, 1.0)))
        channels, height, breadth = _image(output)
        self.start = (2 * width, height // 4, breadth // 4)
        last = 2 * width * (height // 4) * (breadth // 4)
        self.linear = nn.Sequential(
            nn.Linear(self.width, 16 * width, bias=False), nn.BatchNorm1d(16 * width), nn.LeakyReLU(0.2),
            nn.Linear(16 * width, last, bias=False), nn.BatchNorm1d(last), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.body = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(width, channels, 4, 2, 1), nn.Sigmoid(),
        )  # fmt: skip
        _initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.linear(self.joined(*inputs)).reshape(-1, *self.start))


class Discriminator(nn.Module):
    """Two convolutions 4×4 of stride 2 and a linear layer, leaky ReLU of slope 0.2, one score. A label becomes
    one more plane for each class. Weights N(0, 0.02²).

    width  channels of the first layer; the others keep the paper's ratios to it (2, 16)
    norm   'batch': BatchNorm in the second and third layer; 'none': D judges each sample by itself
    """

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 64,
        norm: Literal["batch", "none"] = "batch",
    ) -> None:
        super().__init__()
        channels, height, breadth = _image(sample)
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        self.separable = norm == "none"
        channels += sum(len(spec.classes) for spec in conditions)
        flat = 2 * width * (height // 4) * (breadth // 4)
        second, third = {
            "batch": (nn.BatchNorm2d(2 * width), nn.BatchNorm1d(16 * width)),
            "none": (nn.Identity(), nn.Identity()),
        }[norm]
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), second, nn.LeakyReLU(0.2), Flatten(),
            nn.Linear(flat, 16 * width), third, nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.features = 16 * width
        self.score = nn.Linear(self.features, 1)
        _initialise(self)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        features = self.body(beside(x, conditions, self.told))
        return {"score": self.score(features).squeeze(1), "features": features}


def _image(spec: ganzoo.OutputSpec) -> tuple[int, ...]:
    channels, height, breadth = picture(spec, "infogan-net")
    if height % 4 or breadth % 4:
        raise RecipeError(f"infogan-net needs sides that divide by 4; {height}x{breadth} do not: resize the data")
    return channels, height, breadth


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
