"""Fixed places and blending, plans of places, and whose rule holds where."""

import pytest
import torch

from mesa_core.apply import plan, rule_of, whose
from mesa_core.apply.blended import Blended
from mesa_core.apply.fixed import Fixed
from mesa_core.apply.places import WORDS, Box, spelt
from mesa_core.apply.rule import opacity_of
from mesa_core.apply.within import Within
from mesa_core.config import ConfigError, make_config
from mesa_core.config.placing import covers, fits


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_fixed_trigger_lies_where_it_was_said_on_every_image():
    for word, corner in (("bottom-right", (29, 29)), ("top-left", (0, 0)), ("centre", (14, 14)), ("4,7", (4, 7))):
        found = Fixed(word).places(5, (32, 32), 3, draw())
        assert found.tolist() == [list(corner)] * 5
    images, white = torch.zeros(2, 3, 32, 32), torch.ones(1, 3, 3, 3)
    stamped = Fixed()(images, white, Fixed().places(2, (32, 32), 3, draw()))
    assert torch.equal(stamped[:, :, 29:, 29:], torch.ones(2, 3, 3, 3))
    assert stamped.sum() == 54


def test_every_word_names_a_place_on_images_that_are_not_square():
    for word in WORDS:
        box = Box.at(word, (20, 40), 4)
        assert 0 <= box.top <= 16
        assert 0 <= box.left <= 36
        assert box.count == 1


@pytest.mark.parametrize("nonsense", ["", "corner", "1", "1,2,3", "-1,3", "a,b", "99999,1"])
def test_what_is_no_place_is_refused_in_one_sentence(nonsense):
    with pytest.raises(ValueError, match="is no place"):
        spelt(nonsense)
    with pytest.raises(ConfigError):
        make_config(apply="fixed", place=nonsense)


def test_a_place_beyond_the_image_is_refused_once_the_images_are_known():
    with pytest.raises(ConfigError, match="lies at most at 29,29"):
        fits(make_config(apply="fixed", place="30,0"), (32, 32))
    fits(make_config(apply="fixed", place="29,29"), (32, 32))
    with pytest.raises(ConfigError, match="does not fit"):
        fits(make_config(search_places="2,30"), (32, 32))


def test_blending_leaves_of_what_is_beneath_what_the_opacity_says():
    images, triggers = torch.rand(6, 3, 12, 12, generator=draw()), torch.rand(6, 3, 3, 3, generator=draw(1))
    rule = Blended(Fixed("2,3"), 0.25)
    stamped = rule(images, triggers, rule.places(6, (12, 12), 3, draw()))
    beneath = images[:, :, 2:5, 3:6]
    assert torch.allclose(stamped[:, :, 2:5, 3:6], 0.75 * beneath + 0.25 * triggers)
    stamped[:, :, 2:5, 3:6] = beneath
    assert torch.equal(stamped, images), "all else stays as it was"


def test_the_ends_of_the_opacity_are_nothing_and_overwriting():
    images, triggers = torch.rand(4, 3, 12, 12, generator=draw()), torch.rand(4, 3, 3, 3, generator=draw(1))
    where = Fixed().places(4, (12, 12), 3, draw())
    assert torch.equal(Blended(Fixed(), 0.0)(images, triggers, where), images)
    assert torch.allclose(Blended(Fixed(), 1.0)(images, triggers, where), Fixed()(images, triggers, where))
    with pytest.raises(ValueError, match="between 0 and 1"):
        Blended(Fixed(), 1.1)


def test_whole_pixels_are_blended_and_rounded():
    images = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    white = torch.full((1, 3, 3, 3), 255, dtype=torch.uint8)
    stamped = Blended(Fixed("0,0"), 0.5)(images, white, torch.zeros(1, 2, dtype=torch.int64))
    assert stamped.dtype == torch.uint8
    assert stamped[0, 0, 0, 0] in (177, 178)
    assert stamped[0, 0, 5, 5] == 100


def test_the_gradient_of_a_blended_trigger_is_its_share():
    trigger = torch.rand(1, 3, 3, 3, requires_grad=True)
    Blended(Fixed(), 0.2)(torch.zeros(1, 3, 8, 8), trigger, torch.tensor([[5, 5]])).sum().backward()
    assert torch.allclose(trigger.grad, torch.full((1, 3, 3, 3), 0.2))


def test_each_group_lies_in_a_box_of_its_own_and_reaches_all_of_it():
    rule = Within([Box(0, 0, 1, 2), Box(29, 29, 29, 29), Box.everywhere((32, 32), 3)])
    where = rule.places(3 * 6000, (32, 32), 3, draw()).view(3, -1, 2)
    assert len(where[0].unique(dim=0)) == 6
    assert where[0].max(0).values.tolist() == [1, 2]
    assert where[1].unique(dim=0).tolist() == [[29, 29]]
    assert len(where[2].unique(dim=0)) > 890
    share = (where[0] == torch.tensor([0, 0])).all(1).float().mean()
    assert abs(share - 1 / 6) < 0.02, "uniformly"


def test_groups_that_cannot_be_equal_or_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="equal groups"):
        Within([Box(0, 0, 0, 0)] * 2).places(3, (32, 32), 3, draw())
    with pytest.raises(ValueError, match="beyond"):
        Within([Box(0, 0, 30, 0)]).places(3, (32, 32), 3, draw())
    with pytest.raises(ValueError, match="no box"):
        Within([])


def test_the_engine_computes_less_only_where_all_that_changes_lies_beneath():
    class Whole(Fixed):
        overwrites = False

    assert opacity_of(Fixed()) == 1
    assert opacity_of(Blended(Fixed(), 0.3)) == 0.3
    assert opacity_of(Whole()) is None
    assert opacity_of(Blended(Whole(), 0.3)) is None, "nor where what it blends may change all"


def test_a_plan_is_spelt_in_one_way_and_its_parts_lie_on_the_image():
    assert plan.spelt("edges Corners") == "anywhere,corners,edges", "anywhere is always looked"
    assert plan.spelt("plan") == "anywhere,tiles"
    assert plan.spelt(" 3 , 4") == "3,4"
    for size, patch in (((32, 32), 3), ((20, 48), 5), ((16, 16), 3)):
        whole = Box.everywhere(size, patch)
        for part in plan.parts(",".join(plan.PARTS), size, patch):
            box = part.box
            assert 0 <= box.top <= box.bottom <= whole.bottom, part
            assert 0 <= box.left <= box.right <= whole.right, part
    with pytest.raises(ValueError, match="names no places"):
        plan.spelt("everywhere")


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (20, 48), (224, 224)])
def test_every_trigger_lies_whole_in_some_tile(size):
    tiles = plan.parts("tiles", size, 3)[1:]
    assert len(tiles) <= plan.MOST_TILES**2
    assert plan.covered("tiles", size, 3, beside=True) == 1
    assert all(part.side >= plan.TILE for part in tiles)
    assert len({part.box for part in tiles}) == len(tiles)


def test_what_takes_no_tiles_gets_the_parts_that_they_stand_for():
    assert plan.untiled("plan") == "anywhere,corners,edges,centre,grid"
    assert plan.untiled("corners") == "anywhere,corners"
    assert plan.untiled("3,4") == "3,4"


def test_the_grids_are_all_places_each_in_one_of_them_and_the_corners_are_few():
    grids = [part.box for part in plan.parts("grid", (32, 32), 3)][1:]
    assert len(grids) == 16
    assert sum(box.count for box in grids) == 900
    assert plan.covered("grid", (32, 32), 3, beside=True) == 1
    assert plan.covered("corners", (32, 32), 3, beside=True) == pytest.approx(36 / 900)
    assert plan.covered("corners", (32, 32), 3) == 1, "with anywhere, which every plan has"
    assert plan.covered("corners,edges", (32, 32), 3, beside=True) < 0.5


def test_a_lattice_is_every_so_manieth_place_of_a_rectangle():
    box = Box(1, 2, 10, 8, 4)
    where = Within([box]).places(2000, (32, 32), 3, draw()).unique(dim=0).tolist()
    assert where == [[r, c] for r in (1, 5, 9) for c in (2, 6)]
    assert len(where) == box.count
    assert all(box.holds(r, c) for r, c in where)
    assert not box.holds(2, 2)
    assert not box.holds(13, 2)


def test_plans_of_several_parts_are_told_from_places():
    assert [plan.several(text) for text in ("anywhere", "attacked", "centre", "3,4", "top", "corners", "plan")] == [
        *[False, False, True, False, False],
        *[True] * 2,
    ]


def test_attacker_and_defender_each_have_their_own_rule():
    config = make_config(apply="fixed", place="top-left", opacity=0.5)
    theirs = whose.attackers(config)
    assert opacity_of(theirs) == 0.5
    assert theirs.places(1, (32, 32), 3, draw()).tolist() == [[0, 0]]
    ours = whose.defenders(config, (32, 32))
    assert type(ours) is type(rule_of("anywhere"))
    told = whose.defenders(make_config(apply="fixed", place="top-left", search_places="attacked"), (32, 32))
    assert told.places(1, (32, 32), 3, draw()).tolist() == [[0, 0]]
    found = whose.defenders(make_config(search_places="plan", search_opacity=0.5), (32, 32), Box(3, 4, 3, 4))
    assert found.places(1, (32, 32), 3, draw()).tolist() == [[3, 4]]
    assert opacity_of(found) == 0.5
    named = whose.defenders(make_config(search_places="bottom-right"), (32, 32))
    assert named.places(1, (32, 32), 3, draw()).tolist() == [[29, 29]]


def test_a_plan_of_several_parts_detects_the_class_too():
    assert make_config(search_places="plan").detect
    assert not make_config(search_places="3,4").detect
    assert not make_config(search_places="plan", suspect="shipped").detect, "what is brought is always searched"


def test_what_a_search_covers_is_said_in_words():
    said = covers(make_config())
    assert said == "3×3 triggers, opaque, at random places"
    assert "random places, fixed places in tiles over the whole image" in covers(make_config(search_places="plan"))
    assert "corners, coarse grids over all places" in covers(make_config(search_places="corners,grid"))
    assert "of opacity 0.5" in covers(make_config(search_opacity=0.5))
    assert "at the place 3,4" in covers(make_config(search_places="3,4"))
    assert "as it was told" in covers(make_config(search_places="attacked"))


def test_a_place_that_plays_no_part_is_not_kept():
    assert make_config(place="3,3") == make_config()
    told = make_config(apply="fixed", place=" 3 , 3 ", opacity=0.2).to_dict()
    assert (told["place"], told["opacity"]) == ("3,3", 0.2)
    assert not {"place", "opacity", "search_places", "search_opacity"} & set(make_config().to_dict())
