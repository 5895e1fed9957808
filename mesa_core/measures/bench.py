"""What an attack or a defence achieved, measured on images that neither was trained on.

A `Bench` fixes everything that is random about a measurement (which images, where the trigger lies, which half
selects and which measures), so that the figures of two victims differ by the victims alone and are paired.

Every measurement is a generator: it yields the number of images it has just passed through the victim, so that a
caller can show progress, and returns its figure.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mesa_core import triggers as codes
from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.rule import Apply, opacity_of
from mesa_core.data import DataError, ImageSet
from mesa_core.measures.evaluation import Change, Evaluation, Rates, Worst
from mesa_core.measures.goal import Goal, goal_of, turned
from mesa_core.measures.intervals import Measured, of_drawn, paired_difference, proportion
from mesa_core.victims.victim import Victim
from mesa_core.victims.windows import Local, prepare

CHUNK = 512  # images in one pass
MEMORY = 512 << 20  # bytes that the maps of the clean images may take; see `mesa_core.victims.windows`
NARROW = ((64, 4), (16, 16))  # worst of 512: how many codes stay, on how many times the first round's images
LAST = 4  # codes that all images of the half decide between

Work = Generator[int, None, Any]
Read = Callable[[Tensor, Tensor], Tensor]  # of logits (k, classes), and where those images are to go (k,): (k, ...)


@dataclass(frozen=True)
class Drawn:
    """Which triggers meet which images where, int64."""

    image: Tensor  # (triggers, images)
    place: Tensor  # (triggers, images, 2)
    rule: Apply | None = None  # by which they are put there; None: by the bench's


@dataclass(frozen=True)
class Plain:
    """A victim without any trigger: `predicted` `(n,)` for all evaluation images."""

    predicted: Tensor


class Accuracy(NamedTuple):
    """Without any trigger: the accuracy on all images, on those of the target class, and the natural rate."""

    clean: Measured
    target: Measured
    natural: Measured


class Landscape(NamedTuple):
    """Of each trigger, usually the 512 in their order, its ASR and its lean (see `Bench._lean`), float64 `(m,)`."""

    asr: np.ndarray
    lean: np.ndarray


class Bench:
    """Fixed images and places on which victims are compared.

    `images` are the evaluation images on the victims' device (the first `limit` of them, 0: all), `target` the class whose ASR
    is asked (or one for each class, of an all-to-all backdoor: then what is told of the target class is told of no image),
    `side` that of the 512 black-and-white triggers of `landscape` and `worst` (see `triggers.panel_codes`), `memory` the
    bytes that may be used to compute of stamped images only what differs from the clean ones (0: always all),
    `rule` how the attacker's own and the black-and-white triggers are put on them, `searched` how sampled ones are (as
    those, where nothing is said): who samples may know less of the place than who attacks. `original` is how the attacker's own
    is, where it has a shape, which no other trigger has. Without any image of the target its own accuracy cannot be told, so
    that is refused unless `absent` says that it may be so: triggers are measured on images of other classes.
    """

    def __init__(
        self,
        images: ImageSet,
        target: Goal,
        seed: int,
        limit: int = 0,
        side: int = codes.SIZE,
        memory: int = MEMORY,
        rule: Apply | None = None,
        absent: bool = False,
        searched: Apply | None = None,
        original: Apply | None = None,
    ) -> None:
        self.rule = Anywhere() if rule is None else rule
        self.original = self.rule if original is None else original
        self.searched = self.rule if searched is None else searched
        self.side, self.memory = side, memory
        self._asked: nn.Module | None = None  # the network asked last
        self._passed = 0  # how many stamped images it was asked
        self._local: Local | None = None  # its maps of the clean images
        self.target, self.seed = target, seed
        count = min(limit, len(images)) if limit else len(images)
        self.images = images.images[:count]
        self.labels = images.labels[:count]
        self.wanted = goal_of(target, self.labels)  # where each image is to go
        self.others = turned(target, self.labels).nonzero().squeeze(1)  # images that the attack has to turn
        if len(self.others) < 2 or (len(self.others) == len(self.labels) and not absent):
            raise DataError(
                f"Of {count} evaluation images {len(self.labels) - len(self.others)} are of the target class; some of it "
                "and at least two of others are needed, so give more images, or a larger eval-images."
            )
        host = torch.Generator().manual_seed(seed)
        shuffled = self.others[torch.randperm(len(self.others), generator=host).to(self.others.device)]
        self.selects, self.measures = shuffled.chunk(2)  # halves of the worst of 512

    # -- draws, made on the host: the same on every device
    def _draw(self, pool: Tensor, rows: int, side: int, each: int, salt: int, rule: Apply | None = None) -> Drawn:
        """Images and places for `rows` triggers of `side` pixels, by the bench's rule or another."""
        host = torch.Generator().manual_seed(self.seed * 7919 + salt)
        if each >= len(pool):  # all of them, once
            pick = torch.arange(len(pool)).expand(rows, -1)
        else:
            pick = torch.randint(len(pool), (rows, each), generator=host)
        height, width = self.images.shape[-2:]
        rule = self.rule if rule is None else rule
        place = rule.places(pick.numel(), (height, width), side, host).view(*pick.shape, 2)
        return Drawn(pool[pick.to(pool.device)], place.to(pool.device), rule)

    # -- passes through a victim
    @torch.no_grad()
    def _predict(
        self,
        victim: Victim,
        image: Tensor,
        triggers: Tensor | None = None,
        place: Tensor | None = None,
        read: Read = lambda logits, _: logits.argmax(1),
        rule: Apply | None = None,
    ) -> Work:
        """Predicted classes of images by index `(m,)`, stamped with triggers `(m, 3, s, s)` by `rule` where given.

        `read` makes of the logits `(k, classes)` of some of them, and of where they are to go, what is asked of each instead.
        """
        found, rule = [], self.rule if rule is None else rule
        opacity = opacity_of(rule)
        local = None if triggers is None else self._known(victim, len(image), triggers.shape[-1], opacity is not None)
        for part in torch.arange(len(image), device=image.device).split(CHUNK):
            if triggers is None or place is None:
                logits = victim.logits(victim.inputs(self.images[image[part]]))
            elif local is not None and opacity is not None:
                logits = local(image[part], victim.normalise.triggers(triggers[part]), place[part], opacity)
            else:
                stamps, batch = victim.normalise.triggers(triggers[part]), victim.inputs(self.images[image[part]])
                logits = victim.logits(rule(batch, stamps, place[part]))
            found.append(read(logits, self.wanted[image[part]]))
            yield len(part)
        return torch.cat(found)

    def _known(self, victim: Victim, more: int, side: int, beneath: bool) -> Local | None:
        """The maps of the clean images for `more` passes with triggers of this size, once they are worth their cost.

        Never where a rule may change more than what is `beneath` a trigger. What a victim will still be asked is not known; that it was asked much is a sign that it will be. Of one victim
        at a time they are kept.
        """
        if self._asked is not victim.model:
            self._asked, self._passed, self._local = victim.model, 0, None
        self._passed += more
        if beneath and (self._local is None or self._local.size != side):
            self._local = None  # first, so that no two are held
            self._local = prepare(victim, self.images, side, self._passed, self.memory)
        return self._local if beneath else None

    def stamped(self, victim: Victim, triggers: Tensor, drawn: Drawn, read: Read) -> Work:
        """What `read` makes of the logits of every stamped image, `(triggers, images, ...)`."""
        rows, each = drawn.image.shape
        which = torch.arange(rows, device=drawn.image.device).repeat_interleave(each)
        stamps = triggers.to(drawn.image.device)[which]
        image, place = drawn.image.flatten(), drawn.place.flatten(0, 1)
        found = yield from self._predict(victim, image, stamps, place, read, drawn.rule)
        return found.unflatten(0, (rows, each))

    def _hits(self, victim: Victim, triggers: Tensor, drawn: Drawn) -> Work:
        """Whether each stamped image goes to the target: bool `(triggers, images)`."""
        return (yield from self.stamped(victim, triggers, drawn, lambda logits, wanted: logits.argmax(1) == wanted))

    def _lean(self, victim: Victim, triggers: Tensor, drawn: Drawn) -> Work:
        """The `Landscape` of triggers.

        The lean is the mean of the root of the target's softmax. Where a trigger succeeds on two images in a hundred,
        eight images show no success at all, but many that were nearly turned; so on few images it tells more of an ASR
        than the successes do. The root weighs the near ones more than the softmax itself does.
        """

        def read(logits: Tensor, wanted: Tensor) -> Tensor:
            root = logits.float().softmax(1).gather(1, wanted[:, None])[:, 0].sqrt()
            return torch.stack([(logits.argmax(1) == wanted).float(), root], 1)  # (k, 2)

        found = yield from self.stamped(victim, triggers, drawn, read)  # (triggers, images, 2)
        return Landscape(*found.cpu().double().mean(1).numpy().T)

    # -- figures
    def plain(self, victim: Victim) -> Work:
        """A victim without any trigger, which the other figures need."""
        every = torch.arange(len(self.images), device=self.images.device)
        return Plain((yield from self._predict(victim, every)))

    def accuracy(self, plain: Plain) -> Accuracy:
        """What a victim is worth without any trigger."""
        right, own = plain.predicted == self.labels, self.wanted == self.labels
        natural = plain.predicted[self.others] == self.wanted[self.others]
        return Accuracy(_share(right), _share(right[own]), _share(natural))

    def of_trigger(
        self,
        victim: Victim,
        plain: Plain,
        trigger: Tensor,
        keep: dict[str, Tensor] | None = None,
        rule: Apply | None = None,
    ) -> Work:
        """(ASR, effective ASR) of one trigger `(3, s, s)` on all images of other classes; `keep` gets the hits.

        It is the attacker's own; another is put on by its own `rule`.
        """
        rule = self.original if rule is None else rule
        drawn = self._draw(self.others, 1, trigger.shape[-1], len(self.others), 1, rule)
        hits = (yield from self._hits(victim, trigger[None], drawn))[0]
        natural = plain.predicted[drawn.image[0]] == self.wanted[drawn.image[0]]
        if keep is not None:
            keep["original"] = hits
        return _share(hits), _share(hits[~natural])

    def change(self, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> Change:
        """What a repair changed, paired over the same images and places.

        `before` and `after` are what `evaluate` kept of each; the original's ASR is None where it is not known.
        """
        own = (self.labels == self.wanted).cpu()
        was, now = (h["right"].cpu().bool() for h in (before, after))
        original = None
        if "original" in before and "original" in after:
            original = _difference(*(h["original"].cpu().bool() for h in (before, after)))
        return Change(original, _difference(was, now), _difference(was[own], now[own]))

    def of_samples(self, victim: Victim, plain: Plain, triggers: Tensor, each: int, rule: Apply | None = None) -> Work:
        """(ASR, effective ASR, ASR of each trigger) of a set `(m, 3, s, s)`, `each` images a trigger.

        They are put on as sampled ones are, unless another `rule` is given.
        """
        rule = self.searched if rule is None else rule
        drawn = self._draw(self.others, len(triggers), triggers.shape[-1], each, 2, rule)
        hits = yield from self._hits(victim, triggers, drawn)
        counts = ~(plain.predicted[drawn.image] == self.wanted[drawn.image])
        whole, image = hits.cpu().numpy(), drawn.image.cpu().numpy()
        return (
            of_drawn(whole, image, seed=self.seed),
            of_drawn(whole, image, counts.cpu().numpy(), self.seed),
            whole.mean(1, dtype=np.float64),
        )

    def landscape(self, victim: Victim, each: int) -> Work:
        """The `Landscape` of the 512 black-and-white triggers, `each` images a trigger.

        Its images are of the half that selects the worst of 512, so that it can stand for that search's first round.
        """
        drawn = self._draw(self.selects, codes.PANEL, self.side, each, 3)
        return (yield from self._lean(victim, torch.from_numpy(codes.panel(self.side)), drawn))

    def worst(self, victim: Victim, plain: Plain, first: int, landscape: Landscape | None = None) -> Work:
        """(ASR, effective ASR, code) of the worst black-and-white trigger.

        One half of the images selects: all 512 on `first` images each, the highest on more (half of them by their ASR,
        half by their lean), the last four by their ASR on all of that half. The other half measures the one selected, or
        the maximum over noisy figures would be biased up. A `landscape` of at least `first` images a trigger, made by
        this bench for this victim, is the first round.
        """
        every, alive = torch.from_numpy(codes.panel(self.side)), torch.arange(codes.PANEL)
        found, rounds = landscape, [(codes.PANEL, 1), *NARROW, (LAST, 0)]
        for number in range(landscape is not None, len(rounds)):
            stay, times = rounds[number]
            if found is not None:
                alive = alive[highest(found, stay)]
            each = min(first * times, len(self.selects)) if times else len(self.selects)
            drawn = self._draw(self.selects, len(alive), self.side, each, 10 + number)
            found = yield from self._lean(victim, every[alive], drawn)
        assert found is not None, "a round at least is always made"
        best = int(alive[int(found.asr.argmax())])
        drawn = self._draw(self.measures, 1, self.side, len(self.measures), 20)
        hits = (yield from self._hits(victim, every[best][None], drawn))[0]
        natural = plain.predicted[drawn.image[0]] == self.wanted[drawn.image[0]]
        return _share(hits), _share(hits[~natural]), int(codes.panel_codes(self.side)[best])

    def size(self, original: bool, samples: int, each: int, first: int, mapped: int = 0) -> int:
        """Images that `evaluate` will pass through a victim."""
        last = LAST * len(self.selects) + len(self.measures)
        narrowing = NARROW if mapped >= first else ((codes.PANEL, 1), *NARROW)
        rounds = sum(stay * min(first * times, len(self.selects)) for stay, times in narrowing)
        return (
            len(self.images)
            + original * len(self.others)
            + samples * min(each, len(self.others))
            + codes.PANEL * min(mapped, len(self.selects))
            + (rounds + last if first else 0)
        )

    def evaluate(
        self,
        victim: Victim,
        original: Tensor | None,
        samples: Tensor | None,
        each: int,
        first: int,
        mapped: int = 0,
        keep: dict[str, Tensor] | None = None,
    ) -> Work:
        """The whole `Evaluation` E of one frozen victim; what was not asked for is None.

        `original` `(3, s, s)` is known to whoever staged the attack, never to the defender. `samples` `(m, 3, s, s)`
        are the sub-models'; `each` images a sample; `first` images a code in the first round of the worst of 512
        (0: not measured); `mapped` images a code in the landscape (0: none), which is that first round, too, where it has
        as many. `keep` gets what the figures come from: `predicted` and `right` for every image, the hits of the
        `original`, and the `landscape`, float64 `(512,)`.
        """
        plain = yield from self.plain(victim)
        keep = {} if keep is None else keep
        keep |= {"predicted": plain.predicted, "right": plain.predicted == self.labels}
        original_asr: Sequence[Measured | None] = (None, None)  # each (ASR, effective ASR)
        sampled_asr: Sequence[Measured | None] = (None, None)
        worst_asr: Sequence[Worst | None] = (None, None)
        if original is not None:
            original_asr = yield from self.of_trigger(victim, plain, original, keep)
        if samples is not None:
            *sampled_asr, _ = yield from self.of_samples(victim, plain, samples, each)
        landscape = None
        if mapped:
            landscape = yield from self.landscape(victim, mapped)
            keep["landscape"] = torch.from_numpy(landscape.asr)
        if first:
            *found, code = yield from self.worst(victim, plain, first, landscape if mapped >= first else None)
            of = codes.of_panel(self.side) if codes.drawn(self.side) else None
            worst_asr = [Worst.at(one, code, of) for one in found]
        asr, effective = (Rates(*each) for each in zip(original_asr, sampled_asr, worst_asr, strict=True))
        return Evaluation(*self.accuracy(plain), asr, effective)


def highest(found: Landscape, count: int) -> list[int]:
    """Places of `count` triggers, in turns the one with the highest lean that is left, and that with the highest ASR.

    By its lean a rare survivor is found early; by its ASR one that turns few images and leaves all others alone.
    """
    by_lean, by_asr = np.argsort(-found.lean, kind="stable"), np.lexsort((-found.lean, -found.asr))
    return list(dict.fromkeys(np.stack([by_lean, by_asr], 1).flatten().tolist()))[:count]


def finish(work: Generator[Any, None, Any], tell: Callable[[Any], None] | None = None) -> Any:
    """Run a generator to its end and return its value; `tell` is given whatever it yields on the way."""
    while True:
        try:
            news = next(work)
        except StopIteration as done:
            return done.value
        if tell is not None:
            tell(news)


def _share(hits: Tensor) -> Measured:
    """A share of yes in a bool tensor, with its interval."""
    return proportion(int(hits.sum()), len(hits))


def _difference(before: Tensor, after: Tensor) -> Measured:
    """The change of a share, of two bool tensors on the host."""
    return paired_difference(before.numpy(), after.numpy())
