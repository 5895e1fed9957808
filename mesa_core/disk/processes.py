"""Processes of this machine and of others that see the same files: who is here, and who still lives. Needs no torch."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

from mesa_core.disk.errors import BUSY

BOOT, SPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


@functools.cache
def machine() -> str:
    """What tells this machine, and its space of process numbers, from others that see the same files.

    Raises OSError where it cannot be asked at this moment: without its parts it would be another machine's.
    """
    parts = [platform.node()]
    for read in (lambda: BOOT.read_text("utf-8").strip(), lambda: os.readlink(SPACE)):
        try:
            parts.append(read())
        except OSError as error:  # a system that has no such file never has it
            if error.errno in BUSY:
                raise
    return " ".join(parts)


def process_lives(pid: int) -> bool:
    """Whether a process of this machine is there; where that cannot be asked, yes."""
    if os.name == "nt":
        return True  # signal 0 would end the process there; the heartbeat alone decides
    if not 0 < pid < 2**31:
        return False  # 0 and below mean groups of processes, and no system has larger numbers
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # a zombie answers signals, too
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return True
