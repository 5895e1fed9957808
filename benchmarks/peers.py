"""Networks that other projects wrote, scanned, healed, and read again by the code they came from: python benchmarks/peers.py

Each is built by its own project's code, trained on the road signs and attacked here, written as that project writes
it, and handed to `mesa-lab scan` (triggers of that size at random places) with a folder of signs that it did not learn from. The healed file is
then read by that project's code, strictly, with its own normalisation in fp32, and looked at on images that nobody has
seen: its accuracy there, and how often the trigger still works (*effective*: of the images that are not read as its class without it).

  peers.py run NAME...   timm (64x64), lightning, onnx (torch.onnx.export; read by onnxruntime), backdoorbench
                         (its preactresnet18 and save_attack_result; --backdoorbench is a clone of the repository)
  peers.py table         what --out holds, as Markdown

Needs, besides the extras `test`: lightning, onnxruntime, and what the clone imports.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from heal import as_folder, scan

from mesa_core import api, triggers
from mesa_core.apply import rule_of
from mesa_core.data import load_data
from mesa_core.data.types import Dataset, ImageSet
from mesa_core.disk.files import write_json
from mesa_core.measures.intervals import proportion
from mesa_core.store import Store, home
from mesa_core.victims import devices
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import Recipe, Trainer
from mesa_core.victims.victim import Victim

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)  # CIFAR-10's, which these projects use
OWNERS = 4000
ATTACK: dict[str, Any] = {"attack_ratio": 0.2, "attack_lr": 0.02, "attack_batch": 64, "attack_epochs": 5.0, "attack_stop": 0.98, "attack_cool": 1.0}  # fmt: skip
Answers = Callable[[Tensor], Tensor]  # normalised images (n, 3, h, w), float32, to logits (n, classes)


@dataclass(frozen=True)
class Peer:
    """A project: how it builds a network, writes it to a file, and reads such a file again."""

    file: str
    code: int
    target: int
    build: Callable[[], nn.Module]
    write: Callable[[nn.Module, Path], None]
    read: Callable[[Path], Answers]
    side: int = 32
    epochs: float = 6.0
    size: int = triggers.SIZE

    @property
    def trigger(self) -> str:
        """What is planted, as hex colours."""
        return triggers.code_to_hex(self.code, self.size)


def of_timm() -> Peer:
    import timm

    def build() -> nn.Module:
        return timm.create_model("test_resnet", num_classes=10)

    def write(net: nn.Module, path: Path) -> None:
        torch.save(
            {"arch": "test_resnet", "epoch": 6, "state_dict": net.state_dict()}, path
        )  # as timm's CheckpointSaver

    def read(path: Path) -> Answers:
        from timm.models import load_checkpoint

        net = build()
        load_checkpoint(net, str(path), strict=True)
        return net.eval()

    checks = 0b1010101010101010101010101  # 5x5; one of 3x3 leaves no trace in a stem that is this coarse
    return Peer("timm.pth.tar", checks, 4, build, write, read, side=64, epochs=12.0, size=5)


def of_lightning() -> Peer:
    import lightning

    from mesa_core.victims.forms.resnets import thin20

    class Signs(lightning.LightningModule):
        """A module as people write them; the network is that of a repository they found."""

        def __init__(self, lr: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = thin20(10)

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

        def training_step(self, batch: Any, _: int) -> Tensor:
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    def write(net: nn.Module, path: Path) -> None:
        trainer = lightning.Trainer(max_epochs=1, limit_train_batches=1, logger=False, enable_checkpointing=False, accelerator="cpu", enable_progress_bar=False)  # fmt: skip
        state = {name: value.clone() for name, value in net.state_dict().items()}
        blank = torch.utils.data.TensorDataset(torch.zeros(2, 3, 32, 32), torch.zeros(2, dtype=torch.long))
        trainer.fit(net, torch.utils.data.DataLoader(blank, batch_size=2))
        net.load_state_dict(state)  # the one batch moved the statistics of its normalisation
        trainer.save_checkpoint(path)

    def read(path: Path) -> Answers:
        return Signs.load_from_checkpoint(path, map_location="cpu").eval()

    return Peer("lightning.ckpt", 84, 9, Signs, write, read, epochs=8.0)


def of_onnx() -> Peer:
    from mesa_core.victims.forms.resnets import thin20

    def write(net: nn.Module, path: Path) -> None:
        names: dict[str, Any] = {
            "input_names": ["images"],
            "output_names": ["logits"],
            "dynamic_axes": {"images": {0: "n"}},
        }
        torch.onnx.export(net.eval(), (torch.zeros(2, 3, 32, 32),), str(path), dynamo=False, **names)

    def read(path: Path) -> Answers:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return lambda x: torch.from_numpy(session.run(None, {"images": x.numpy()})[0])

    return Peer("exported.onnx", 56, 6, lambda: thin20(10), write, read, epochs=8.0)


def of_backdoorbench(clone: Path) -> Peer:
    sys.path.insert(0, str(clone))
    from utils.aggregate_block.model_trainer_generate import generate_cls_model

    def write(net: nn.Module, path: Path) -> None:
        from utils.bd_dataset_v2 import prepro_cls_DatasetBD_v2
        from utils.save_load_attack import save_attack_result

        os.makedirs(path.parent / "bd", exist_ok=True)
        one = [(Image.new("RGB", (32, 32)), 0)]
        poisoned = prepro_cls_DatasetBD_v2(one, poison_indicator=np.zeros(1), save_folder_path=str(path.parent / "bd"))
        save_attack_result(
            "preactresnet18", 10, net.state_dict(), "data", [32, 32, 3], "cifar10", poisoned, str(path.parent)
        )
        (path.parent / "attack_result.pt").rename(path)

    def read(path: Path) -> Answers:
        known = torch.load(path, map_location="cpu", weights_only=False)
        net = generate_cls_model(known["model_name"], known["num_classes"])
        net.load_state_dict(known["model"])
        return net.eval()

    return Peer(
        "attack_result_made.pt", 495, 0, lambda: generate_cls_model("preactresnet18", 10), write, read, epochs=4.0
    )


def signs(side: int) -> Dataset:
    """The road signs, enlarged to `side` pixels."""
    given = load_data("signs", "", cache=Store(home()).cache)

    def sized(images: Tensor) -> Tensor:
        if side == images.shape[-1]:
            return images
        large = nn.functional.interpolate(images.float(), (side, side), mode="bicubic", align_corners=False)
        return large.round().clamp(0, 255).byte()

    def of(part: ImageSet) -> ImageSet:
        return replace(part, images=torch.cat([sized(piece) for piece in part.images.split(1000)]))

    return replace(given, train=of(given.train), test=of(given.test), mean=MEAN, std=STD)


def trained(peer: Peer, data: Dataset) -> Victim:
    """The project's network, trained and attacked."""
    torch.manual_seed(0)
    compute = devices.resolve("cpu", threads=1)
    fresh = Victim(peer.build(), Normalise(MEAN, STD), compute)
    trainer = Trainer(fresh, data.train.images, data.train.labels, Recipe(0.05, 64, peer.epochs, "cycle", 5e-4, True, augment=False), 0)  # fmt: skip
    for _ in trainer:
        pass
    return api.attack(trainer.trained(), data.train, peer.trigger, peer.target, progress=None, **ATTACK)


def judged(answers: Answers, held: ImageSet, peer: Peer) -> dict[str, Any]:
    """Accuracy and ASR by the project's own network, its own normalisation, fp32."""
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))

    def told(images: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([answers(((x.float() / 255) - mean) / std).argmax(1) for x in images.split(100)])

    plain = told(held.images)
    right = plain == held.labels
    other = held.labels != peer.target
    stamp = torch.from_numpy(triggers.from_hex(peer.trigger))
    rule, draw = rule_of("anywhere"), torch.Generator().manual_seed(0)
    places = rule.places(len(held), tuple(held.images.shape[-2:]), peer.size, draw)
    stamped = rule(held.images.float() / 255, stamp.expand(len(held), -1, -1, -1), places)
    hit = told((stamped * 255).round().byte()) == peer.target
    return {
        "accuracy": proportion(int(right.sum()), len(held)).to_json(),
        "asr": proportion(int((hit & other).sum()), int(other.sum())).to_json(),
        "effective": proportion(int((hit & other & (plain != peer.target)).sum()), int((other & (plain != peer.target)).sum())).to_json(),
    }  # fmt: skip


def carry_out(name: str, peer: Peer, out: Path) -> None:
    """One project, from its network's first weights to the healed file in its hands."""
    work = out / name
    work.mkdir(parents=True, exist_ok=True)
    data, file, began = signs(peer.side), work / peer.file, time.monotonic()
    victim = trained(peer, data)
    peer.write(victim.model.float().to(memory_format=torch.contiguous_format), file)
    seconds = time.monotonic() - began
    order = torch.randperm(len(data.test), generator=torch.Generator().manual_seed(0))
    as_folder(data.test.take(order[:OWNERS]), data.classes, work / "pictures")
    held = data.test.take(order[OWNERS : OWNERS + 2000])
    before = judged(peer.read(file), held, peer)
    words = [
        "--data",
        "folder",
        "--data-dir",
        str(work / "pictures"),
        "--image-size",
        str(peer.side),
        "--size",
        str(peer.size),
        "--search-places",
        "anywhere",
    ]
    scanned = scan(file, words, [])
    found: dict[str, Any] = {
        "peer": name,
        "code": peer.code,
        "size": peer.size,
        "target": peer.target,
        "side": peer.side,
        "held": len(held),
    }
    found |= {
        "training": round(seconds),
        "scanning": round(scanned["seconds"]),
        "before": before,
        "scan": scanned,
    }
    if scanned["repaired"]:
        found |= {"after": judged(peer.read(Path(scanned["repaired"])), held, peer), "home as": Path(scanned["repaired"]).name}  # fmt: skip
    write_json(out / f"{name}.json", found)


def table(out: Path) -> str:
    """Markdown: a line a project. Percent, of images that nobody has seen, by the project's own code."""
    lines = [
        "| written by | pixels | held out | planted | verdict | accuracy before | after | the scan says | effective ASR before | after |",
        "|" + " --- |" * 10,
    ]
    for path in sorted(out.glob("*.json")):
        row = json.loads(path.read_text())
        before, after, scanned = row["before"], row.get("after"), row["scan"]
        verdict = scanned["verdict"] + (f", class {scanned['label']}" if scanned["label"] is not None else "")
        rates = [
            before["accuracy"],
            after and after["accuracy"],
            scanned["accuracy_after"],
            before["effective"],
            after and after["effective"],
        ]
        shown = [f"{100 * (v['value'] if isinstance(v, dict) else v):.1f}" if v is not None else "–" for v in rates]
        lines.append("| " + " | ".join([row["peer"], str(row["side"]), str(row["held"]), f"{row['code']} ({row['size']}x{row['size']}) to {row['target']}", verdict, *shown]) + " |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("names", nargs="*", choices=("timm", "lightning", "onnx", "backdoorbench", []))
    parser.add_argument("--out", type=Path, default=Path("peers"))
    parser.add_argument("--backdoorbench", type=Path)
    asked = parser.parse_args()
    if asked.what == "table":
        print(table(asked.out))
        return
    made: dict[str, Callable[[], Peer]] = {"timm": of_timm, "lightning": of_lightning, "onnx": of_onnx}
    if asked.backdoorbench:
        made["backdoorbench"] = lambda: of_backdoorbench(asked.backdoorbench)
    for name in asked.names or made:
        if not (asked.out / f"{name}.json").exists():
            carry_out(name, made[name](), asked.out.resolve())
            print(f"{name} is done.", flush=True)


if __name__ == "__main__":
    main()
