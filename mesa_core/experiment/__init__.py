"""The experiment: the stages in order, as an iterator of typed events.

    data -> clean victim -> attack (eq. 1) -> [detection] -> MESA (Alg. 1, 2) -> repair (eq. 5) -> evaluation

`execute` is the one path that the command line and the dashboard's worker share. The defender's stages are given
the backdoored victim, the defender's images and (unless detection is on) the target class, and nothing else of the
attack; what a stage sees can be read off its arguments.
"""

from mesa_core.experiment.execute import execute

__all__ = ["execute"]
