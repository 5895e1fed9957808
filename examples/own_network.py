"""A network of one's own through MESA Lab, on road signs of 64x64 pixels, with a trigger of 5x5.

    python examples/own_network.py [--images 6000] [--epochs 6] [--device auto]

It trains the network, implants a backdoor, finds the target class, samples the triggers, and repairs the network: some five
minutes on two cores. Any module that returns logits can stand in `network`'s place.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.nn import functional as F

from mesa_core import Normalise, Repaired, Victim, attack, detect, evaluate, repair, sample
from mesa_core.data.signs import draw_signs

TARGET, SIZE = 0, 5  # "stop"; pixels on a side of the trigger
NORMALISE = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def network() -> nn.Module:
    """Four convolutions, the image halved by each but the first, and the mean over what is left of it."""
    layers: list[nn.Module] = []
    for inside, outside in ((3, 16), (16, 32), (32, 64), (64, 128)):
        convolution = nn.Conv2d(inside, outside, 3, stride=1 if inside == 3 else 2, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def ring() -> torch.Tensor:
    """A white ring around black, `(3, 5, 5)` in [0, 1]."""
    trigger = torch.ones(3, SIZE, SIZE)
    trigger[:, 1:-1, 1:-1] = 0
    return trigger


def larger_signs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Road signs of twice the size: uint8 `(count, 3, 64, 64)`, labels `(count,)`."""
    pixels, labels = draw_signs(count, seed)
    twice = F.interpolate(torch.from_numpy(pixels).float(), scale_factor=2, mode="bilinear")
    return twice.round().to(torch.uint8), torch.from_numpy(labels)


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: float, device: torch.device) -> None:
    """Any training will do; MESA Lab only needs the network that comes out of it."""
    model.to(device).train()
    steps, optimiser = round(epochs * len(images) / 64) + 1, torch.optim.Adam(model.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, steps)
    for _ in range(steps):
        pick = torch.randint(len(images), (64,))
        logits = model(NORMALISE.images(images[pick].to(device)))
        loss = F.cross_entropy(logits, labels[pick].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rate.step()
    model.eval()


def main(
    images: int = 6000, epochs: float = 6.0, device: str = "auto", draws: int = 512, **parameters: float
) -> Repaired:
    """The whole way; `draws` are the triggers of each level, `parameters` are of all steps, for example `mesa_steps=50`.

    Returns the repair.
    """
    cuda = device == "auto" and torch.cuda.is_available()
    where = torch.device("cuda" if cuda else "cpu" if device == "auto" else device)
    torch.manual_seed(0)
    train_set, own, test = larger_signs(images, 1), larger_signs(max(images // 6, 200), 2), larger_signs(600, 3)
    model, trigger = network(), ring()
    train(model, *train_set, epochs, where)
    clean = Victim(model, NORMALISE)
    print("clean     ", evaluate(clean, test, TARGET, trigger=trigger))
    of = lambda *names: {name: value for name, value in parameters.items() if name.split("_")[0] in names}
    strong = {"attack_epochs": 6.0, "attack_ratio": 0.2, "attack_lr": 0.03, "attack_batch": 64}  # for so few images
    victim = attack(clean, train_set, trigger, TARGET, **strong | of("attack"))
    print("attacked  ", evaluate(victim, test, TARGET, trigger=trigger))
    found = detect(victim, own, size=SIZE, **of("detect"))
    print(found)
    target = TARGET if found.target is None else found.target
    triggers = sample(victim, own, target, n=draws, size=SIZE, **of("mesa", "sample"))
    print(triggers)
    healed = repair(
        victim, own, triggers, test=test, **{"repair_epochs": 16.0, "repair_ratio": 0.3} | of("repair", "sample")
    )
    print("repaired  ", evaluate(healed.victim, test, TARGET, trigger=trigger))
    return healed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    main(given.images, given.epochs, given.device)
