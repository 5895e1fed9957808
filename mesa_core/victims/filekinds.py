"""What a file is that holds no weights, told by its first bytes, and how to get the weights instead.

People save web pages in place of files, clone without Git LFS, keep whole modules. Each gets a sentence of its own.
Standard library only, since the process that reads checkpoints asks it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HEAD = 512  # bytes that are enough to tell
SAVE = "torch.save(model.state_dict(), 'weights.pt')"
WHOLE = (
    "is a whole pickled module{named}, which could run code when it is opened; where it was made, save its weights alone: "
    + SAVE
)
SCRIPT = "is a TorchScript program, not weights; where it was made, save its weights alone: " + SAVE
EXPORTED = "is a program of torch.export, not weights; where it was made, save its weights alone: torch.save(program.state_dict, 'weights.pt')"
PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<\?xml|<!--)", re.IGNORECASE)
POINTER = b"version https://git-lfs.github.com/spec/"
MAGIC: tuple[tuple[bytes, str], ...] = (
    (POINTER, "is a Git LFS pointer, not the file that it stands for; fetch that with: git lfs pull"),
    (b"\x1f\x8b", "is packed with gzip; unpack it first"),
    (b"BZh", "is packed with bzip2; unpack it first"),
    (b"\xfd7zXZ\0", "is packed with xz; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"Rar!", "is a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes them; networks of torch and ONNX are read here"),
    (b"\x93NUMPY", "is an array of numpy, not a state dict; save one with: " + SAVE),
    (b"GGUF", "is a GGUF file of a language model; image classifiers are read here"),
    (b"\x89PNG", "is a picture, not a network"), (b"\xff\xd8\xff", "is a picture, not a network"), (b"GIF8", "is a picture, not a network"),
    (b"%PDF", "is a PDF document, not a network"), (b"\x7fELF", "is a program, not a network"), (b"MZ", "is a program, not a network"),
)  # fmt: skip


def unlike(head: bytes) -> str | None:
    """What a file is that begins with `head`, as the rest of a sentence; None where it may be weights.

    >>> unlike(b"version https://git-lfs.github.com/spec/v1")[:22]
    'is a Git LFS pointer, '
    >>> unlike(b"PK") is None
    True
    """
    if not head:
        return "is empty"
    if PAGE.match(head):
        return "is a web page, not a file of weights; download the file itself (on GitHub and Hugging Face its Download or Raw button)"
    found = next((said for begin, said in MAGIC if head.startswith(begin)), None)
    if found is None and head[257:262] == b"ustar":
        return "is a tar archive; unpack it first"
    if found is None and head.lstrip()[:1] in (b"{", b"[") and _is_text(head):
        return "is a text of JSON, not a file of weights"
    return found or (None if not _is_text(head) else "is a text, not a file of weights")


def _is_text(head: bytes) -> bool:
    """Whether these bytes are letters that people write; pickles and safetensors have control characters among the first."""
    return len(head) >= 16 and not any(byte < 9 or 13 < byte < 32 or byte > 126 for byte in head)


def of_zip(names: Iterable[str]) -> str | None:
    """What a zip is whose members have these names; None where it may be a checkpoint of torch's."""
    names = list(names)
    leaves = {name.rsplit("/", 1)[-1] for name in names}
    if "constants.pkl" in leaves:
        return SCRIPT
    if leaves & {"archive_format", "serialized_exported_program.json", "model.json"}:
        return EXPORTED
    if "data.pkl" in leaves:
        return None
    if names and all(name.endswith(".npy") for name in names):
        return "holds arrays of numpy (.npz), not a checkpoint of torch; save one with: " + SAVE
    if {"config.json", "metadata.json"} <= leaves:
        return "is a Keras file; networks of torch and ONNX are read here"
    inner = next(
        (leaf for leaf in sorted(leaves) if leaf.endswith((".pt", ".pth", ".ckpt", ".safetensors", ".onnx"))), None
    )
    return f"is a zip of files{f', among them {inner[:60]}' if inner else ''}; unpack it first" if names else None
