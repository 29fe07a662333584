"""Weights as images: which unit, which pixel, which colour, and what is exactly zero."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import WeightsDisplay

RNG = np.random.default_rng(0)
GREY = RNG.normal(size=(6, 30))  # images of 2 x 3
COLOUR = RNG.normal(size=(18, 5))  # of 2 x 3 x 3


def titles(display):
    return [ax.get_title() for ax in display.axes_]


def test_grey_images_are_the_columns_of_the_weights():
    display = WeightsDisplay(GREY, (2, 3)).plot(units=4)
    limit = np.abs(GREY[:, :4]).max()
    for k, image in enumerate(display.images_):
        np.testing.assert_array_equal(image.get_array(), GREY[:, k].reshape(2, 3))
        assert image.get_clim() == (-limit, limit)
        assert image.get_cmap().name == "RdBu_r"
    assert titles(display) == ["unit 0", "unit 1", "unit 2", "unit 3"]
    assert display.colorbar_.extend == "neither"
    assert display.colorbar_.mappable is display.images_[0]


def test_colours_of_a_pixel_are_its_three_weights():
    coef = np.zeros((2, 3, 3, 2))
    coef[1, 2, 0, 0] = 2.0  # red, of the first unit
    coef[0, 1, 2, 1] = -1.0  # blue, of the second
    display = WeightsDisplay(coef.reshape(18, 2), (2, 3, 3)).plot()
    first, second = (image.get_array() for image in display.images_)
    np.testing.assert_array_equal(first[1, 2], [1, 0.5, 0.5])
    np.testing.assert_array_equal(second[0, 1], [0.5, 0.5, 0.25])
    np.testing.assert_array_equal(display.zeros_, (coef == 0).all(axis=2).transpose(2, 0, 1))
    assert display.colorbar_ is None


def test_exact_zeros_are_hatched_where_they_are():
    coef = GREY[:, :2].copy()
    coef[4, 0] = 0.0  # row 1, column 1
    coef[2, 0] = -0.0  # row 0, column 2
    coef[0, 0] = 1e-300
    display = WeightsDisplay(coef, (2, 3)).plot()
    np.testing.assert_array_equal(display.zeros_, coef.T.reshape(2, 2, 3) == 0)
    (squares,) = (c for c in display.axes_[0].collections if isinstance(c, PolyCollection))
    assert squares.get_hatch()
    centres = [path.get_extents().get_points().mean(axis=0) for path in squares.get_paths()]
    np.testing.assert_array_equal(centres, [[2, 0], [1, 1]])
    assert not display.axes_[1].collections
    (legend,) = display.figure_.legends
    assert legend.get_texts()[0].get_text() == "exactly zero: 16.7% of weights"


def test_no_zeros_no_legend():
    assert not WeightsDisplay(GREY, (2, 3)).plot().figure_.legends
    (legend,) = WeightsDisplay(COLOUR, (2, 3, 3)).plot().figure_.legends
    assert len(legend.get_texts()) == 1  # the scale of the colours


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
def test_legend_fits_where_one_unit_is_shown(shape):
    coef = np.array([[-0.012], [0], [0.1], [0], [0], [0]])
    figure = WeightsDisplay(coef, shape).plot().figure_
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 < legend.x0 < legend.x1 < figure.bbox.x1


def test_all_weights_may_be_zero():
    display = WeightsDisplay(np.zeros((6, 2)), (2, 3)).plot()
    assert display.zeros_.all()
    assert display.images_[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("units", "expected"),
    [(3, [0, 1, 2]), (99, range(30)), (None, range(30)), ([7, 2], [7, 2])],
)
def test_units_by_index(units, expected):
    display = WeightsDisplay(GREY, (2, 3)).plot(units=units)
    assert list(display.units_) == list(expected)
    assert titles(display) == [f"unit {unit}" for unit in expected]
    assert len(display.figure_.axes) == len(expected) + 1  # and the colour bar


def test_units_by_norm():
    display = WeightsDisplay(GREY, (2, 3)).plot(units=5, order="norm", n_columns=2)
    norms = np.sqrt((GREY**2).sum(axis=0))
    np.testing.assert_array_equal(norms[display.units_], np.sort(norms)[::-1][:5])
    np.testing.assert_array_equal(
        display.images_[0].get_array(), GREY[:, norms.argmax()].reshape(2, 3)
    )
    assert display.axes_[0].get_gridspec().get_geometry() == (3, 2)


def test_limit_of_the_scale():
    coef = np.array([[-3.0], [1.0]])
    display = WeightsDisplay(coef, (1, 2)).plot(limit=2.0)
    assert display.images_[0].get_clim() == (-2, 2)
    assert display.colorbar_.extend == "min"
    assert WeightsDisplay(-coef, (1, 2)).plot(limit=2.0).colorbar_.extend == "max"
    assert WeightsDisplay(coef, (1, 2)).plot(limit=0.5).colorbar_.extend == "both"
    colour = WeightsDisplay(np.array([[-3.0], [1.0], [9.0]]), (1, 1, 3)).plot(limit=2.0)
    np.testing.assert_array_equal(colour.images_[0].get_array(), [[[0, 0.75, 1]]])


def test_estimator_in_a_pipeline():
    X, y = load_digits(return_X_y=True)
    network = MLPScratchClassifier(3, l1=0.01, tol=1, n_iter_no_change=2, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(X, y)
    display = WeightsDisplay.from_estimator(model, (8, 8), units=2)
    expected = network.coefs_[0].T[:2].reshape(2, 8, 8)
    np.testing.assert_array_equal([image.get_array() for image in display.images_], expected)
    np.testing.assert_array_equal(display.zeros_, expected == 0)
    assert display.zeros_.any()


def test_axes_of_ones_own():
    figure, axes = plt.subplots(1, 3)
    display = WeightsDisplay(COLOUR, (2, 3, 3))
    assert display.plot(ax=axes, units=2) is display
    assert display.figure_ is figure
    assert [len(ax.images) for ax in axes] == [1, 1, 0]
    with pytest.raises(ValueError, match="ax must hold at least 5 axes, got 3"):
        display.plot(ax=axes)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((6,), {}, r"image_shape must be \(rows, columns\).* got \(6,\)"),
        ((2, 3, 1), {}, r"image_shape must be .* got \(2, 3, 1\)"),
        ((3, 3), {}, "has 9 pixel values, but the first layer has 6 inputs"),
        ((2, 3), {"order": "size"}, r"'order' parameter .* among .*'norm'.* Got 'size'"),
        ((2, 3), {"units": 0}, r"'units' parameter .* \[1, inf\).* Got 0"),
        ((2, 3), {"units": []}, "units must hold indices from 0 to 29"),
        ((2, 3), {"units": [30]}, r"indices from 0 to 29 .* got \[30\]"),
        ((2, 3), {"units": [-1]}, r"indices from 0 to 29 .* got \[-1\]"),
        ((2, 3), {"n_columns": 0}, r"'n_columns' parameter .* \[1, inf\).* Got 0"),
    ],
)
def test_what_cannot_be_plotted(shape, options, message):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay(GREY, shape).plot(**options)


def test_estimators_that_have_no_layers():
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(MLPScratchClassifier(), (8, 8))
    model = LogisticRegression().fit(GREY, np.arange(6) % 2)
    with pytest.raises(TypeError, match="got LogisticRegression, which has no coefs_"):
        WeightsDisplay.from_estimator(model, (8, 8))
