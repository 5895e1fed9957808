"""Blocks of bytes for components; see `mesa_core.stage.blocks`, where the exported page finds them too."""

from mesa_core.stage.blocks import KINDS, pack, unpack

__all__ = ["KINDS", "pack", "unpack"]
