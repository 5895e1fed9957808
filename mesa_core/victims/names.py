"""The architectures that can be a victim, by name. Needs no torch.

An entry is the place of what builds it: called with a number of classes, it returns a fresh network that takes
normalised images `(n, 3, h, w)` and returns logits `(n, classes)`.

>>> from mesa_core.registry import load
>>> load(ARCHITECTURES["resnet9-16"])(classes=43).__class__.__name__
'ResNet9'
"""

from __future__ import annotations

from mesa_core.registry import Registry

ARCHITECTURES: Registry[str] = Registry(
    "victim",
    {
        "resnet9-16": "mesa_core.victims.architectures:resnet9_16",
        "resnet9-32": "mesa_core.victims.architectures:resnet9_32",
        "resnet9-64": "mesa_core.victims.architectures:resnet9_64",
        "resnet18": "mesa_core.victims.architectures:resnet18",
        "preact-resnet18": "mesa_core.victims.architectures:preact_resnet18",
    },
)
