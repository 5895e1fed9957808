"""A network of one's own through MESA Lab: torchvision's ResNet-18 on road signs of 64x64 pixels.

    python examples/own_network.py [--images 2000] [--epochs 3] [--device auto]

It trains the network, implants a backdoor, finds the target class, samples the triggers, and repairs the network.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from mesa_core import Normalise, Repaired, Victim, attack, detect, evaluate, repair, sample
from mesa_core.data.signs import draw_signs

TARGET, RING = 0, 495  # "stop"; the white ring with a black centre
NORMALISE = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def larger_signs(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Road signs of twice the size: uint8 `(count, 3, 64, 64)`, labels `(count,)`."""
    pixels, labels = draw_signs(count, seed)
    twice = F.interpolate(torch.from_numpy(pixels).float(), scale_factor=2, mode="bilinear")
    return twice.round().to(torch.uint8), torch.from_numpy(labels)


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: float, device: torch.device) -> None:
    """Any training will do; MESA Lab only needs the network that comes out of it."""
    model.to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(round(epochs * len(images) / 64)):
        pick = torch.randint(len(images), (64,))
        logits = model(NORMALISE.images(images[pick].to(device)))
        loss = F.cross_entropy(logits, labels[pick].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()


def main(
    images: int = 2000, epochs: float = 3.0, device: str = "auto", draws: int = 512, **parameters: float
) -> Repaired:
    """The whole way; `draws` are the triggers of each level, `parameters` are of all steps, for example `mesa_steps=50`.

    Returns the repair.
    """
    cuda = device == "auto" and torch.cuda.is_available()
    where = torch.device("cuda" if cuda else "cpu" if device == "auto" else device)
    torch.manual_seed(0)
    train_set, own, test = larger_signs(images, 1), larger_signs(max(images // 3, 200), 2), larger_signs(300, 3)
    model = resnet18(num_classes=10)
    train(model, *train_set, epochs, where)
    clean = Victim(model, NORMALISE)
    print("clean     ", evaluate(clean, test, TARGET, trigger=RING))
    of = lambda *names: {name: value for name, value in parameters.items() if name.split("_")[0] in names}
    victim = attack(clean, train_set, RING, TARGET, **{"attack_epochs": 2.0, "attack_ratio": 0.2} | of("attack"))
    print("attacked  ", evaluate(victim, test, TARGET, trigger=RING))
    found = detect(victim, own, **of("detect"))
    print(found)
    target = TARGET if found.target is None else found.target
    triggers = sample(victim, own, target, n=draws, **of("mesa", "sample"))
    print(triggers)
    healed = repair(
        victim, own, triggers, test=test, **{"repair_epochs": 4.0, "repair_ratio": 0.2} | of("repair", "sample")
    )
    print("repaired  ", evaluate(healed.victim, test, TARGET, trigger=RING))
    return healed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    main(given.images, given.epochs, given.device)
