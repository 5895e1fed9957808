import numpy as np
import pytest

from mesa_core import triggers as codes
from mesa_core.pictures import axes as embedding
from mesa_core.pictures.axes import TsneMap, align, fit_pca, on_axes

CODES = codes.all_codes().reshape(512, -1).astype(np.float64)


@pytest.fixture(scope="module")
def tsne():
    return TsneMap.fit(np.ones(512), 0)


def test_pca_equals_the_eigenvectors_of_the_weighted_covariance():
    weights = np.random.default_rng(0).random(512)
    axes = fit_pca(CODES, weights)
    values, vectors = np.linalg.eigh(np.cov(CODES.T, aweights=weights, bias=True))
    assert np.allclose(np.abs(axes.components @ vectors[:, -2:][:, ::-1]), np.eye(2), atol=1e-6)
    assert axes.explained[0] == pytest.approx(values[-1] / values.sum())


def test_weights_turn_the_axes_and_none_at_all_count_as_equal():
    heavy = np.where(CODES[:, :3].sum(1) > 0, 1.0, 0.01)
    assert not np.allclose(fit_pca(CODES, heavy).components, fit_pca(CODES, 1 - heavy + 0.01).components)
    assert np.allclose(fit_pca(CODES, np.zeros(512)).mean, 0.5)


def test_signs_are_fixed_and_all_codes_lie_in_the_bounds():
    axes = fit_pca(CODES, np.random.default_rng(1).random(512))
    assert (axes.components[np.arange(2), np.abs(axes.components).argmax(1)] > 0).all()
    xmin, xmax, ymin, ymax = axes.bounds
    x, y = axes.place(CODES).T
    assert xmin < x.min() and x.max() < xmax and ymin < y.min() and y.max() < ymax  # noqa: PT018


@pytest.mark.parametrize("few", [False, True])
def test_axes_are_known_by_where_they_put_the_codes(few):
    draw = np.random.default_rng(2)
    weights = np.where(np.arange(512) < 40, 1.0, 0.0) if few else draw.random(512)
    axes, colours = fit_pca(CODES, weights), draw.random((50, 27))
    found = on_axes(axes.place(CODES).astype(np.float64), colours)
    assert np.allclose(found, axes.place(colours), atol=1e-4)
    other = fit_pca(CODES, 1 - weights)
    assert not np.allclose(found, other.place(colours), atol=1e-2)


def test_alignment_undoes_a_turn_a_shift_and_a_scale():
    onto = np.random.default_rng(0).normal(size=(60, 2))
    turn = np.array([[np.cos(1.1), -np.sin(1.1)], [np.sin(1.1), np.cos(1.1)]])
    assert np.allclose(align(3 * onto @ turn + [5, -2], onto), onto)
    assert np.allclose(align(onto * [-1, 1], onto), onto), "a mirror image is turned back as well"


def test_a_frame_repeats_and_stays_in_the_picture(tsne):
    rng = np.random.default_rng(0)
    samples = np.clip(CODES[rng.choice([495, 16], 60)] + rng.normal(0, 0.05, (60, 27)), 0, 1)
    first = tsne.frame(samples, None)
    assert np.array_equal(first, tsne.frame(samples, None))
    xmin, xmax, ymin, ymax = tsne.bounds
    assert (first >= [xmin, ymin]).all()
    assert (first <= [xmax, ymax]).all()
    near = np.linalg.norm(first - tsne.frame(samples, first), axis=1)
    far = np.linalg.norm(first - first[rng.permutation(60)], axis=1)
    assert np.median(near) < 0.5 * np.median(far), "the next frame moves dots less than a shuffle would"


@pytest.mark.parametrize("exaggeration", [embedding.EXAGGERATION, 12.0])
def test_a_small_group_of_dots_is_no_point(tsne, monkeypatch, exaggeration):
    monkeypatch.setattr(embedding, "EXAGGERATION", exaggeration)  # 12, the library's, is the negative control
    rng = np.random.default_rng(0)
    many, few = (
        np.clip(CODES[code] * 0.8 + 0.1 + rng.normal(0, 0.1, (n, 27)), 0, 1) for code, n in ((495, 200), (16, 30))
    )
    placed = tsne.frame(np.concatenate([many, few]), None)
    wide = [float(part.std(0).mean()) for part in (placed[:200], placed[200:])]
    assert (wide[1] > 0.1 * wide[0] and wide[0] > 0.05 * (tsne.bounds[1] - tsne.bounds[0])) == (exaggeration == 1)


def test_samples_enter_beside_their_code(tsne):
    placed = tsne.place_first(CODES[[495, 16]])
    for place, code in zip(placed, (495, 16), strict=True):
        distance = np.linalg.norm(tsne.places - place, axis=1)
        assert distance[code] <= np.quantile(distance, 0.03)


def test_larger_triggers_have_axes_of_their_own():
    points = codes.panel(4).reshape(512, -1)
    axes, tsne = fit_pca(points, np.ones(512)), TsneMap.fit(np.ones(512), 0, 4)
    assert axes.place(points).shape == tsne.places.shape == (512, 2)
    assert tsne.place_first(points[:3] * 0.9).shape == (3, 2)
    with pytest.raises(ValueError, match=r"\S"):
        tsne.place_first(CODES[:3])
