"""Triggers of any shape within their box: written, put on images, planted, measured, asked about, and shown."""

import shlex

import numpy as np
import pytest
import torch
from small_sweep import LEAST
from torch import nn

from dashboard.views.shared import report
from mesa_core import Normalise, Victim, attack, evaluate, places, triggers
from mesa_core import events as ev
from mesa_core.api.checks import hex_of
from mesa_core.apply import whose
from mesa_core.apply.anywhere import Anywhere
from mesa_core.apply.blended import Blended
from mesa_core.apply.fixed import Fixed
from mesa_core.apply.rule import opacity_of
from mesa_core.apply.shaped import Shaped, shaped
from mesa_core.cli.flags import given
from mesa_core.cli.parser import build_parser
from mesa_core.cli.repeat import command_of
from mesa_core.config import ConfigError, make_config
from mesa_core.data import ImageSet
from mesa_core.experiment import execute
from mesa_core.measures.bench import Bench, finish
from mesa_core.measures.mapped import BEFORE, BEST, ORIGINAL
from mesa_core.pictures.thumbnails import trigger_svg, trigger_uri
from mesa_core.probe import answering, questions
from mesa_core.stage.blocks import unpack
from mesa_core.stage.export import export
from mesa_core.stage.recording import recording
from mesa_core.store import Run
from mesa_core.victims import weights
from mesa_core.victims.architectures import build as build_network
from mesa_core.victims.numpy_resnet9 import stamped

PLUS = "- #fff - #fff #fff #fff - #fff -"
MASK = torch.tensor([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=torch.bool)
BAR = "#ff8000 #00ff00 - -"  # one row of two: a rectangle in a box of 2x2


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# -- as text
def test_a_transparent_cell_is_written_as_a_dash_or_as_its_word_and_printed_as_a_dash():
    words = "- #ffffff - #ffffff #ffffff #ffffff - #ffffff -"
    for text in (PLUS, words, PLUS.replace("-", "transparent"), PLUS.replace("-", "Transparent").replace(" ", ",")):
        assert triggers.to_hex(triggers.from_hex(text)) == words
        assert triggers.mask_of(text).tolist() == MASK.tolist()
    assert triggers.pixels_of(PLUS)[:, 0, 0].tolist() == [0.5] * 3
    assert triggers.pixels_of(PLUS)[:, 1, 1].tolist() == [1] * 3


def test_a_trigger_of_full_squares_is_read_and_named_as_it_was():
    text = triggers.code_to_hex(495)
    assert triggers.mask_of(text) is None
    assert np.array_equal(triggers.pixels_of(text), triggers.from_hex(text))
    assert (triggers.slug(text), triggers.brief(triggers.from_hex(text))) == ("495", "code 495")


def test_a_shape_has_no_code_and_a_name_of_its_own():
    plus, bar = triggers.from_hex(PLUS), triggers.from_hex(BAR)
    assert triggers.code_of(plus) is None
    assert (triggers.slug(PLUS), triggers.slug(BAR)) == ("shape", "2x2-shape")
    assert (triggers.brief(plus), triggers.brief(bar)) == ("shape of 5 cells", "2×2 shape of 2 cells")
    assert triggers.describe(bar) == "2×2 shape of 2 cells #ff8000 #00ff00 - -"
    assert triggers.brief(triggers.from_hex("#fff - - -")) == "2×2 shape of 1 cell"


def test_turning_and_inverting_keep_what_is_transparent():
    bar = triggers.from_hex(BAR)
    assert triggers.to_hex(triggers.invert(bar)) == "#007fff #ff00ff - -"
    assert triggers.to_hex(triggers.rotate(bar)) == "#00ff00 - #ff8000 -"
    assert triggers.to_hex(triggers.mirror(bar)) == "#00ff00 #ff8000 - -"


@pytest.mark.parametrize("text", ["- " * 9, "-", "transparent " * 4])
def test_what_is_transparent_throughout_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match="would change no image"):
        triggers.from_hex(text)
    with pytest.raises(ConfigError, match="would change no image"):
        make_config(trigger=text)


def test_the_command_line_reads_a_shape_and_writes_it_again():
    for words in (["run", "--trigger", *PLUS.replace("#", "").split()], ["run", f"--trigger={PLUS}"]):
        config = make_config(given(build_parser().parse_args([*words, "--data", "signs", "--victim", "resnet9-16"])))
        assert config.trigger == triggers.to_hex(triggers.from_hex(PLUS))
        assert (config.size, config.code) == (3, None)
    again = make_config(given(build_parser().parse_args(shlex.split(command_of(config))[1:])))
    assert again.trigger == config.trigger


def test_a_brought_network_takes_no_shape_since_it_is_searched_for_squares():
    with pytest.raises(ConfigError, match="full squares"):
        make_config(trigger=PLUS, suspect="shipped")
    assert make_config(trigger=triggers.code_to_hex(495), suspect="shipped").suspect


# -- on images
@pytest.mark.parametrize("rule", [Anywhere(), Fixed("5,20"), Blended(Anywhere(), 0.3)])
def test_only_the_opaque_cells_change_and_they_as_the_other_rule_says(rule):
    images, stamps = torch.rand(6, 3, 32, 32, generator=draw()), torch.rand(6, 3, 3, 3, generator=draw(1))
    where = Shaped(rule, MASK).places(6, (32, 32), 3, draw(2))
    assert torch.equal(where, rule.places(6, (32, 32), 3, draw(2))), "it lies where the other rule says"
    found, square = Shaped(rule, MASK)(images, stamps, where), rule(images, stamps, where)
    assert not torch.equal(found, square)
    for one, plain, own, (row, column) in zip(found, images, square, where.tolist(), strict=True):
        box = np.s_[:, row : row + 3, column : column + 3]
        assert torch.equal(one[box][:, MASK], own[box][:, MASK])
        assert torch.equal(one[box][:, ~MASK], plain[box][:, ~MASK])
        outside = one.clone()
        outside[box] = plain[box]
        assert torch.equal(outside, plain)


def test_blending_a_shape_is_a_shape_of_what_is_blended():
    images, stamps, where = torch.rand(2, 3, 8, 8), torch.rand(1, 3, 3, 3), torch.tensor([[0, 0], [5, 4]])
    one = Blended(Shaped(Anywhere(), MASK), 0.3)(images, stamps, where)
    other = Shaped(Blended(Anywhere(), 0.3), MASK)(images, stamps, where)
    torch.testing.assert_close(one, other)


def test_no_gradient_reaches_a_transparent_cell_and_what_it_holds_is_of_no_consequence():
    images, where = torch.rand(1, 3, 8, 8), torch.tensor([[2, 3]])
    stamps = torch.rand(1, 3, 3, 3, requires_grad=True)
    Shaped(Anywhere(), MASK)(images, stamps, where).sum().backward()
    assert torch.equal(stamps.grad[0], MASK.float().expand(3, -1, -1))
    other = torch.where(MASK, stamps.detach(), torch.rand(1, 3, 3, 3))
    rule = Shaped(Anywhere(), MASK)
    assert torch.equal(rule(images, other, where), rule(images, stamps.detach(), where))


def test_whole_pixels_stay_whole():
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    found = Shaped(Anywhere(), MASK)(images, torch.full((1, 3, 3, 3), 7, dtype=torch.uint8), torch.tensor([[0, 0]] * 2))
    assert found.dtype == torch.uint8
    assert (found[:, :, :3, :3][:, :, MASK] == 7).all()


def test_a_mask_that_is_none_is_refused():
    for wrong in (torch.zeros(3, 3, dtype=torch.bool), torch.ones(3, 2, dtype=torch.bool), torch.ones(3, 3)):
        with pytest.raises(ValueError, match="mask"):
            Shaped(Anywhere(), wrong)
    with pytest.raises(ValueError, match="fits no trigger of 4×4"):
        Shaped(Anywhere(), MASK)(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 4, 4), torch.tensor([[0, 0]]))
    rule = Anywhere()
    assert shaped(rule, None) is rule


def test_the_engine_knows_how_much_of_each_cell_is_covered():
    class Whole(Fixed):
        overwrites = False

    assert torch.equal(opacity_of(Shaped(Fixed(), MASK)), MASK.float())
    assert torch.equal(opacity_of(Blended(Shaped(Fixed(), MASK), 0.5)), 0.5 * MASK)
    assert torch.equal(opacity_of(Shaped(Blended(Fixed(), 0.5), MASK)), 0.5 * MASK)
    assert opacity_of(Shaped(Whole(), MASK)) is None, "whole images where the other rule may change all"


def test_the_shape_is_the_attackers_alone():
    config = make_config(trigger=PLUS, apply="fixed", place="3,4", opacity=0.5, search_places="attacked")
    own = whose.attackers(config)
    assert isinstance(own, Shaped)
    assert torch.equal(own.mask, MASK)
    assert opacity_of(whose.squares(config)) == 0.5
    assert opacity_of(whose.defenders(config, (32, 32))) == 0.5, "he is told the place, and looks for full squares"
    assert opacity_of(whose.defenders(make_config(trigger=PLUS), (32, 32))) == 1
    assert opacity_of(whose.attackers(make_config())) == 1, "without transparent cells all is as it was"


def test_without_torch_the_same_cells_change():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    found = stamped(images, triggers.from_hex(PLUS), np.array([[0, 0], [5, 4]]))
    rule = Shaped(Anywhere(), MASK)
    white = torch.full((1, 3, 3, 3), 255, dtype=torch.uint8)
    assert np.array_equal(found, rule(torch.from_numpy(images), white, torch.tensor([[0, 0], [5, 4]])).numpy())


# -- planted and measured
class FiveWhite(nn.Module):
    """Answers 0 where exactly five pixels are white, else 1; without weights of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        five = (x[:, 0] > 0.9).flatten(1).sum(1) == 5
        return torch.stack([five.float(), 0.5 + 0 * five], 1)


def test_the_success_of_a_shape_counts_its_opaque_cells_alone_and_the_others_are_squares():
    images = ImageSet(torch.zeros(40, 3, 16, 16, dtype=torch.uint8), torch.arange(40) % 2)
    images.images[1::8, 0, :, 0] = 255  # of other classes; here five white pixels more are too many
    images.images[3, 0, 0, :5] = 255  # goes to the target without any trigger, so no trigger's success
    victim, white = Victim(FiveWhite()), torch.ones(3, 3, 3)
    bench = Bench(images, 0, 1, rule=Anywhere(), original=Shaped(Anywhere(), MASK))
    plain = finish(bench.plain(victim))
    asr, effective = finish(bench.of_trigger(victim, plain, white))
    assert asr.n == 20
    assert (effective.n, effective.value) == (19, 14 / 19)
    assert finish(Bench(images, 0, 1).of_trigger(victim, plain, white))[1].value == 0, (
        "as a full square it does nothing"
    )
    samples = white[None].expand(4, -1, -1, -1)
    assert finish(bench.of_samples(victim, plain, samples, 10))[0].value < 0.2, "what is sampled is a full square"
    every = finish(bench.landscape(victim, 8)).asr
    ones = np.array([bin(code).count("1") for code in range(512)])
    assert every[ones == 5].mean() > 0.5, "and so are the 512"
    assert every[(ones == 9)].max() < 0.2


def test_an_attack_with_a_shape_takes_effect_and_its_square_does_something_else():
    """Images whose class is their colour; a black plus, and the same plus on a white square."""
    labels, pixels = torch.arange(480) % 3, torch.randint(0, 90, (480, 3, 16, 16), generator=draw())
    pixels[torch.arange(480), labels] += 120
    images = pixels.to(torch.uint8)
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 32, 5),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 3),
    ]
    clean = Victim(nn.Sequential(*layers), Normalise((0.4,) * 3, (0.3,) * 3))
    shape = PLUS.replace("#fff", "#000")
    square, own = shape.replace("-", "#fff"), (images[:320], labels[:320])
    how = {"attack_epochs": 12.0, "attack_ratio": 0.3, "attack_lr": 0.05, "attack_batch": 32, "progress": None}
    attacked, held = attack(clean, own, shape, 1, **how), (images[320:], labels[320:])

    found = evaluate(attacked, held, 1, trigger=shape)
    assert found.accuracy.value > 0.95
    assert found.effective_asr.value > 0.95
    assert evaluate(clean, held, 1, trigger=shape).effective_asr.value < 0.2, "the control: before the attack"
    other = evaluate(attacked, held, 1, trigger=square)
    assert other.effective_asr.high < found.effective_asr.low, "a full square with the same plus is something else"
    maps = [places(attacked, held, 1, one, images=8, progress=None) for one in (shape, square)]
    assert maps[0].median > maps[1].median


def test_the_public_face_reads_a_shape_from_text():
    assert hex_of(PLUS) == triggers.to_hex(triggers.from_hex(PLUS))
    with pytest.raises(ConfigError, match="transparent"):
        hex_of("- " * 9)


@pytest.mark.slow
def test_a_whole_run_keeps_the_shape_to_the_attacker_and_says_so(store, tiny_data):
    asked = {**LEAST, "data": "signs", "mesa_steps": 4, "baselines": ["ideal"], "trigger": PLUS, "place_images": 2}
    run, told = store.create(make_config(asked).to_dict(), "shape"), []
    assert execute(run, store, told.append) == "finished", told[-1]
    text = triggers.to_hex(triggers.from_hex(PLUS))
    marks = {e.name: e for e in told if isinstance(e, ev.Mark)}
    assert marks["original"].trigger == text
    assert marks["inverse"].trigger == text.replace("#ffffff", "#000000")
    assert np.isfinite([*marks["original"].pca, *marks["original"].tsne]).all()
    result = run.outcome()
    assert result.places.colours[ORIGINAL] == text
    assert "-" not in result.places.colours[BEST]
    assert result.after["ideal"].asr.original is not None

    square = store.create(make_config({**asked, "trigger": triggers.code_to_hex(511)}).to_dict(), "square")
    assert execute(square, store) == "finished"
    own, other = run.read_arrays("places.npz"), square.read_arrays("places.npz")
    assert not np.array_equal(own[f"{ORIGINAL}-{BEFORE}"], other[f"{ORIGINAL}-{BEFORE}"])

    page = report.html(run)
    assert "Its transparent cells leave the image as it is" in page
    assert "transparent" not in report.html(square)
    header, _ = unpack(recording(run, told))
    assert (header["trigger"], header["side"]) == (text, 3)
    assert export(run).lacks == ""


# -- asked about and shown
@pytest.fixture
def ready(store, tiny_signs, monkeypatch) -> Run:
    monkeypatch.setattr(answering, "load_data", lambda *_, **__: tiny_signs)
    made = store.create(make_config(data="signs", trigger=PLUS).to_dict(), "signs-1")
    for name in ("attacked", "repaired"):
        weights.save(build_network("resnet9-16", 10), made.path / "weights" / f"{name}.safetensors")
    return made


def test_an_answer_about_a_shape_stamps_its_opaque_cells_only(store, ready):
    flat, shape = questions.one_of(triggers.from_hex(PLUS))
    asked = questions.Question(ready.name, questions.rows_of(flat), 5, shape=shape)
    assert questions.Question.from_json(asked.to_json()) == asked
    found = answering.Probe(store).answer(asked)
    changed = (found["stamped"] != found["clean"]).any(1)
    assert changed.any()
    for i, (row, column) in enumerate(found["corner"]):
        box = found["stamped"][i, :, row : row + 3, column : column + 3]
        assert (box[:, MASK.numpy()] == 255).all()
        assert (
            box[:, ~MASK.numpy()] == found["clean"][i, :, row : row + 3, column : column + 3][:, ~MASK.numpy()]
        ).all()
        changed[i, row : row + 3, column : column + 3] = False
    assert not changed.any()
    whole = answering.Probe(store).answer(questions.Question(ready.name, questions.rows_of(flat), 5))
    assert not np.array_equal(whole["stamped"], found["stamped"]), "a painted full square is a full square"


def test_a_question_without_a_shape_has_the_number_that_it_had():
    plain = questions.Question("signs-1", ((255,) * 27,))
    assert "shape" not in plain.to_json()
    assert plain.id != questions.Question("signs-1", ((255,) * 27,), shape=(1,) * 8 + (0,)).id


@pytest.mark.parametrize("shape", [(0,) * 9, (1,) * 4, (2,) + (1,) * 8, (True,) * 9])
def test_a_shape_that_is_none_is_no_question(shape):
    with pytest.raises(ValueError, match="shape"):
        questions.Question("signs-1", ((255,) * 27,), shape=shape)
    with pytest.raises(ValueError, match="of one trigger"):
        questions.Question("signs-1", ((255,) * 27,) * 2, shape=(1,) * 8 + (0,))


def test_a_picture_shows_transparent_cells_as_a_chequer():
    plus, whole = triggers.from_hex(PLUS), triggers.pixels_of(PLUS)
    assert trigger_svg(plus).count('width=".5"') == 4 * 4
    assert 'width=".5"' not in trigger_svg(whole)
    assert 'aria-label="shape of 5 cells' in trigger_svg(plus)
    assert trigger_uri(plus) != trigger_uri(whole)
