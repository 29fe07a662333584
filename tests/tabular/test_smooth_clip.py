"""SmoothClip: its formula, its inverse, and columns that a RobustScaler does not scale."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.preprocessing import QuantileTransformer, RobustScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_scratch.tabular import SmoothClip

X, y = load_iris(return_X_y=True)
EPS = np.finfo(np.float64).eps
COLUMNS = arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.just(1)),
    elements=st.one_of(st.integers(-3, 3).map(float), st.floats(-1e100, 1e100)),
)


@parametrize_with_checks([SmoothClip(), SmoothClip(bound=1), SmoothClip(scaling=None)])
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("bound", [0.5, 3.0, 10])
def test_numbers_are_those_of_the_formula(bound):
    clipped = SmoothClip(bound).fit_transform(X)
    z = RobustScaler().fit_transform(X)
    expected = [[v / math.sqrt(1 + (v / bound) ** 2) for v in row] for row in z]
    assert_allclose(clipped, expected, rtol=8 * EPS)  # eight operations, half an eps each


def test_columns_that_were_scaled_before():
    z = QuantileTransformer(n_quantiles=50, output_distribution="normal").fit_transform(X)
    clipped = SmoothClip(scaling=None).fit_transform(z)
    assert np.abs(z).max() > 5
    assert_allclose(clipped, z / np.sqrt(1 + (z / 3) ** 2), rtol=8 * EPS)


@given(COLUMNS, st.floats(0.1, 100), st.sampled_from(["robust", None]))
def test_any_column(column, bound, scaling):
    """It stays in the bound, in the order of the numbers but for rounding, and in its dtype."""
    column = np.sort(column, axis=0)
    clip = SmoothClip(bound, scaling=scaling).fit(column)
    clipped = clip.transform(column)
    assert np.abs(clipped).max() <= bound
    assert (np.diff(clipped, axis=0) >= -4 * EPS * bound).all()
    assert clip.transform(column.clip(-1e30, 1e30).astype(np.float32)).dtype == np.float32


@given(
    arrays(np.float64, (20, 1), elements=st.integers(-1000, 1000).map(float)), st.floats(0.1, 100)
)
def test_inverse(column, bound):
    clip = SmoothClip(bound).fit(column)
    z = (column - clip.center_) / clip.scale_
    back = clip.inverse_transform(clip.transform(column))
    # u = z / h(z) is known to a few eps, and z moves by h^2 times as much, where h^2 = 1 + (z/b)^2
    tolerance = clip.scale_ * np.abs(z) * (1 + (z / bound) ** 2) * 16 * EPS
    tolerance += 4 * EPS * np.abs(column).max()
    assert (np.abs(back - column) <= tolerance).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bound_comes_back_finite(dtype):
    clip = SmoothClip().fit(X.astype(dtype))
    back = clip.inverse_transform(np.full((1, 4), 3, dtype=dtype))
    assert np.isfinite(back).all()
    assert back.dtype == dtype
    assert (back > X.max(axis=0)).all()


def test_amounts_that_are_mostly_zero_are_scaled_by_half_their_range():
    """A RobustScaler leaves them as they are, and all that are not zero would reach the bound."""
    amounts = np.array([0.0] * 9 + [1000.0, 4000.0])[:, np.newaxis]
    assert RobustScaler().fit(amounts).scale_ == 1
    clip = SmoothClip().fit(amounts)
    assert (clip.center_, clip.scale_) == (0, 2000)
    z = amounts / 2000
    assert_allclose(clip.transform(amounts), z / np.sqrt(1 + z**2 / 9), rtol=8 * EPS)


def test_a_constant_column_becomes_zero():
    clip = SmoothClip().fit(np.full((5, 1), 7.0))
    assert_array_equal(clip.transform([[7.0]]), [[0]])
    assert_array_equal(clip.inverse_transform([[0.0]]), [[7]])


def test_missing_values_are_ignored_in_fit_and_stay_missing():
    Z = np.column_stack([X[:, 0], np.full(150, np.nan)])
    Z[::3, 0] = np.nan
    clip = SmoothClip().fit(Z)
    assert_array_equal(clip.scale_[:1], RobustScaler().fit(Z[:, :1]).scale_)
    clipped = clip.transform(Z)
    assert_array_equal(np.isnan(clipped), np.isnan(Z))
    known = np.arange(150) % 3 > 0
    assert_array_equal(clipped[known, :1], SmoothClip().fit_transform(X[known, :1]))
    assert_array_equal(np.isnan(clip.inverse_transform(clipped)), np.isnan(Z))


def test_no_number_is_too_large():
    largest = np.finfo(np.float64).max
    clip = SmoothClip().fit([[0.0], [1e-300], [2e-300]])
    assert_allclose(clip.transform([[-largest], [largest]]), [[-3], [3]], rtol=2 * EPS)
    assert SmoothClip().fit([[0.0], [5e-324]]).scale_ > 0
    with pytest.raises(ValueError, match="Column 0 of X goes from -1e\\+308 to 1e\\+308, and a"):
        SmoothClip().fit([[-1e308], [1e308]])
    with pytest.raises(ValueError, match="Column 'debt' of X goes from"):
        SmoothClip().fit(pd.DataFrame({"debt": [-1e308, 1e308]}))
    unscaled = SmoothClip(scaling=None).fit_transform([[-1e308], [1e308]])
    assert_allclose(unscaled, [[-3], [3]], rtol=2 * EPS)


def test_frames_keep_their_names():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    clipped = SmoothClip().set_output(transform="pandas").fit_transform(frame)
    assert list(clipped) == ["a", "b", "c", "d"]
    assert_array_equal(clipped, SmoothClip().fit_transform(X))


def test_files_name_the_public_module():
    skops = pytest.importorskip("skops.io")
    clip = SmoothClip(2).fit(X)
    assert b"smooth_clip" not in pickle.dumps(clip)
    content = skops.dumps(clip)
    trusted = skops.get_untrusted_types(data=content)
    assert trusted == ["sknn_scratch.tabular.SmoothClip"]
    for loaded in (pickle.loads(pickle.dumps(clip)), skops.loads(content, trusted=trusted)):
        assert_array_equal(loaded.transform(X), clip.transform(X))


def test_what_is_refused():
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data"):
        SmoothClip().fit(sp.csr_array(X))
    with pytest.raises(ValueError, match="X has 3 columns, but this transformer returns 4"):
        SmoothClip().fit(X).inverse_transform(X[:, :3])
    with pytest.raises(ValueError, match="The 'bound' parameter of SmoothClip"):
        SmoothClip(bound=0).fit(X)
