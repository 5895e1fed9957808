"""Processes of this machine and of others that see the same files: who is here, and who still lives. Needs no torch."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from pathlib import Path


@functools.cache
def machine() -> str:
    """What tells this machine, and its space of process numbers, from others that see the same files."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
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
