"""The ten-line way: attack a network of one's own, sample its triggers, find its target class, repair it, measure it.

Any `torch.nn.Module` that returns logits, images of any size, any number of classes. What a function does not name is a
parameter of `ExperimentConfig`, given by its name: `sample(..., alpha=1.0, kind="particles")`.

>>> from mesa_core import Victim, attack, evaluate, repair, sample
>>> import torch
>>> images, labels = torch.rand(60, 3, 16, 16), torch.arange(60) % 3
>>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveMaxPool2d(1),
...                             torch.nn.Flatten(), torch.nn.Linear(8, 3))
>>> victim = attack(Victim(model), (images, labels), trigger=495, target=0, attack_epochs=1.0, progress=None)
>>> found = sample(victim, (images, labels), target=0, mesa_steps=2, progress=None)
>>> found.triggers.shape[2:]
torch.Size([3, 3, 3])
>>> healed = repair(victim, (images, labels), found, repair_epochs=1.0, progress=None)
>>> 0 <= evaluate(healed.victim, (images, labels), target=0, trigger=495).asr.value <= 1
True
"""

from mesa_core.api.answers import Evaluation, Found, Repaired, Samples
from mesa_core.api.checks import Trigger
from mesa_core.api.verbs import attack, detect, evaluate, places, repair, sample

__all__ = [
    "Evaluation",
    "Found",
    "Repaired",
    "Samples",
    "Trigger",
    "attack",
    "detect",
    "evaluate",
    "places",
    "repair",
    "sample",
]
