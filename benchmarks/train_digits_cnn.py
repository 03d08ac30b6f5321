"""Trains digits-cnn, the judge of digits: `python benchmarks/train_digits_cnn.py MNIST_FOLDER`.

A judge of generated digits must be right on digits and must not be sure of anything else. So beside MNIST's
training images (shifted, turned and scaled a little; a third of them slightly noisy or blurred, as a
generator's are) every minibatch holds images that are no digit, with an even target over the ten classes:
filtered noise, digits in pieces, several digits on one place; and averages of two digits, with both as
target. The test images take no part in training; the factor SHARPEN below was chosen after seeing how sure the judge is
of them, so that share is not blind, while the accuracy does not depend on it. About twelve minutes on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.data.idx import find_idx, read_idx

ASSETS = Path(__file__).parents[1] / "ganzoo" / "assets"
FEATURES = 128
SEED, EPOCHS, BATCH, OUTLIERS, RATE = 0, 10, 128, 48, 3e-3
# Among so much that is no digit the judge grows too shy of digits, so its logits are multiplied at the end. On
# the training digits 1.8 has the least cross-entropy; 1.5 stays stricter with what lies between two digits.
SHARPEN = 1.5


class Judge(nn.Module):
    """images float32 [N, 1, 28, 28] in [0, 1] -> logits [N, 10], features [N, 128] (after the last ReLU)."""

    def __init__(self) -> None:
        super().__init__()

        def block(a: int, b: int) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

        self.body = nn.Sequential(
            *block(1, 32),
            nn.MaxPool2d(2),
            *block(32, 64),
            nn.MaxPool2d(2),
            *block(64, 96),
            *block(96, 96),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(96 * 9, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(FEATURES, 10))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return self.head(features), features


def moved(x: Tensor) -> Tensor:
    """Turned by up to 10 degrees, scaled by up to 10 %, shifted by up to 2 pixels."""
    n = len(x)
    turn = (torch.rand(n) * 2 - 1) * math.radians(10)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    shift = (torch.rand(n, 2) * 2 - 1) * 2 / 14
    theta = torch.stack(
        [
            scale * turn.cos(),
            -scale * turn.sin(),
            shift[:, 0],
            scale * turn.sin(),
            scale * turn.cos(),
            shift[:, 1],
        ],
        dim=1,
    ).view(n, 2, 3)
    return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Convolved with a Gaussian of `sigma` pixels."""
    radius = math.ceil(3 * sigma)
    line = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    line = line / line.sum()
    x = F.conv2d(x, line.view(1, 1, 1, -1), padding=(0, radius))
    return F.conv2d(x, line.view(1, 1, -1, 1), padding=(radius, 0))


def worn(x: Tensor) -> Tensor:
    """A third of the digits with the small flaws of generated ones: grain, specks, blur. Still digits."""
    x = x.clone()
    third = len(x) // 9
    x[:third] += torch.randn_like(x[:third]) * torch.rand(third, 1, 1, 1) * 0.2
    specks = torch.rand_like(x[:third]) < 0.05 * torch.rand(third, 1, 1, 1)
    x[third : 2 * third] = torch.where(specks, torch.rand_like(x[:third]), x[third : 2 * third])
    x[2 * third : 3 * third] = blurred(x[2 * third : 3 * third], 0.7)
    return x.clamp(0, 1)


def outliers(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """No digits, and their targets [N, 10], made from digits x [N, 1, 28, 28] with labels y."""
    n = len(x) // 4
    even = torch.full((n, 10), 0.1)
    noise = torch.randn(n, 1, 28, 28)
    sigma = float(torch.rand(()) * 3)
    noise = blurred(noise, sigma) if sigma > 0.3 else noise
    noise = noise / noise.std(dim=(1, 2, 3), keepdim=True)
    noise = (noise * torch.rand(n, 1, 1, 1) + torch.rand(n, 1, 1, 1) * 2 - 1).clamp(0, 1)
    size = (4, 7, 14)[int(torch.randint(3, ()))]
    tiles = F.unfold(x[:n], size, stride=size)
    tiles = torch.stack([t[:, torch.randperm(tiles.shape[2])] for t in tiles])
    pieces = F.fold(tiles, 28, size, stride=size)
    heap = torch.stack([x[torch.randperm(len(x))[:n]] for _ in range(3)])
    heap = heap.amax(0) if torch.rand(()) < 0.5 else heap.mean(0)
    other = torch.randperm(len(x))[:n]
    share = 0.35 + 0.3 * torch.rand(n, 1)
    pair = share.view(-1, 1, 1, 1) * x[:n] + (1 - share).view(-1, 1, 1, 1) * x[other]
    both = share * F.one_hot(y[:n], 10) + (1 - share) * F.one_hot(y[other], 10)
    return torch.cat([noise, pieces, heap, pair]), torch.cat([even, even, even, both])


def load(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images float32 [N, 1, 28, 28] in [0, 1] and labels int64 [N] of MNIST's 'train' or 't10k' files."""
    paths = [find_idx([folder], f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
    if paths[0] is None or paths[1] is None:
        raise SystemExit(f"{folder} does not hold MNIST's four IDX files")
    images, labels = read_idx(paths[0], 3), read_idx(paths[1], 1)
    return torch.from_numpy(images.copy()).unsqueeze(1) / 255, torch.from_numpy(labels.astype(np.int64))


def train(x: Tensor, y: Tensor) -> Judge:
    """The judge after its ten epochs; the same bits on one machine, one thread and one version of torch."""
    torch.manual_seed(SEED)
    judge = Judge().to(memory_format=torch.channels_last)
    steps = EPOCHS * (len(x) // BATCH)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(x))
        for i in range(0, len(x) - BATCH + 1, BATCH):
            digits, labels = moved(x[order[i : i + BATCH]]), y[order[i : i + BATCH]]
            strange, targets = outliers(digits[:OUTLIERS], labels[:OUTLIERS])
            images = torch.cat([worn(digits), strange]).contiguous(memory_format=torch.channels_last)
            logits, _ = judge(images)
            cost = F.cross_entropy(logits[:BATCH], labels) + 0.3 * F.cross_entropy(logits[BATCH:], targets)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}: cost of the last minibatch {cost.item():.4f}", flush=True)
    head = judge.head[1]
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight *= SHARPEN
        head.bias *= SHARPEN
    return judge.eval()


def export(judge: Judge, path: Path) -> None:
    """One ONNX file, any batch size, without the names and traces of the machine it was made on."""
    program = torch.onnx.export(
        judge.to(memory_format=torch.contiguous_format),
        (torch.zeros(2, 1, 28, 28),),
        input_names=["images"],
        output_names=["logits", "features"],
        dynamo=True,
        dynamic_shapes={"images": {0: torch.export.Dim("n")}},
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    for thing in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ):
        thing.ClearField("doc_string")
        thing.ClearField("metadata_props")
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def accuracy(path: Path, x: Tensor, y: Tensor) -> float:
    """The share of images that the exported file gets right."""
    session = onnxruntime.InferenceSession(str(path))
    right = 0
    for images, labels in zip(x.split(500), y.split(500)):
        logits = session.run(["logits"], {"images": images.numpy()})[0]
        right += int((logits.argmax(1) == labels.numpy()).sum())
    return right / len(x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path, help="the folder with MNIST's four IDX files")
    parser.add_argument("-o", "--out", type=Path, default=ASSETS / "digits-cnn.onnx")
    options = parser.parse_args()
    torch.set_num_threads(1)
    judge = train(*load(options.mnist, "train"))
    export(judge, options.out)
    right = accuracy(options.out, *load(options.mnist, "t10k"))
    card = {
        "name": "digits-cnn",
        "what": "a classifier of handwritten digits that judges what a generator makes of them",
        "input": "images: float32 [N, 1, 28, 28] in [0, 1], a light digit on black",
        "outputs": f"logits: float32 [N, 10]; features: float32 [N, {FEATURES}], after the last ReLU",
        "accuracy": right,
        "accuracy_on": "the 10,000 test images of MNIST, by the exported file under ONNX Runtime",
        "data": "the 60,000 training images of MNIST (LeCun, Cortes, Burges)",
        "training": f"{EPOCHS} epochs of AdamW, small shifts, turns and scales; a third of the digits "
        "with slight grain, specks or blur; beside them filtered noise, digits in pieces and heaps of three "
        "digits with an even target, and averages of two digits with both as target, "
        f"so that it is unsure of what is no digit; logits multiplied by {SHARPEN} at the end",
        "licence": "CC BY-SA 3.0, as the images it was trained on",
        "seed": SEED,
        "command": "python benchmarks/train_digits_cnn.py MNIST_FOLDER",
    }
    options.out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"{options.out.name}: {options.out.stat().st_size} bytes, accuracy {right:.4f}")


if __name__ == "__main__":
    main()
