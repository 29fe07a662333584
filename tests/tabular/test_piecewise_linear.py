"""PiecewiseLinearEncoder: the paper's equation, the edges of its bins, and columns of all kinds."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.tabular import PiecewiseLinearEncoder

from . import reference

X, y = load_iris(return_X_y=True)
X_REAL, Y_REAL = load_diabetes(return_X_y=True)
# Six rows on either side, so that there is something to split
TREE = {"strategy": "tree", "min_samples_leaf": 5}
SETTINGS = [{}, {"n_bins": 3}, TREE, TREE | {"n_bins": 4}]

LARGEST = np.finfo(np.float64).max
# Two numbers that are equal, that differ in their last digits, or that lie far apart
NUMBERS = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e6, 1e6),
    st.floats(-1e-6, 1e-6).map(lambda x: 1e6 + x),
)
COLUMNS = arrays(np.float64, st.tuples(st.integers(2, 30), st.just(1)), elements=NUMBERS)


def all_edges(encoder):
    return np.concatenate(encoder.bin_edges_)


@parametrize_with_checks(
    [
        PiecewiseLinearEncoder(),
        PiecewiseLinearEncoder(extrapolation="constant"),
        PiecewiseLinearEncoder(strategy="tree"),
        PiecewiseLinearEncoder(strategy="tree", min_samples_leaf=1),
        PiecewiseLinearEncoder(strategy="tree", min_samples_leaf=1, target_type="regression"),
    ]
)
def test_check_estimator(estimator, check):
    check(estimator)


class TestEquation:
    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_numbers_are_those_of_the_paper(self, params):
        encoder = PiecewiseLinearEncoder(**params).fit(X, y)
        beyond = np.vstack([X, X - 3, X + 3])
        # The same two operations in the same order: the same bits
        assert_array_equal(
            encoder.transform(beyond), reference.encode_table(beyond, encoder.bin_edges_)
        )
        assert encoder.n_bins_.min() > 1

    @pytest.mark.slow
    @given(COLUMNS, st.integers(2, 12), NUMBERS)
    def test_any_column(self, column, n_bins, x):
        encoder = PiecewiseLinearEncoder(n_bins).fit(column)
        (edges,) = encoder.bin_edges_
        if edges[0] < edges[-1]:
            expected = np.array(reference.encode(x, edges.tolist()))
            assert_array_equal(encoder.transform([[x]])[0], expected.clip(-LARGEST, LARGEST))

    @given(COLUMNS, st.integers(2, 12))
    def test_within_the_range(self, column, n_bins):
        """e lies in [0, 1], grows with x, and its sum says how many bins lie below x."""
        encoder = PiecewiseLinearEncoder(n_bins).fit(column)
        column = np.sort(column, axis=0)
        encoded = encoder.transform(column)
        (edges,) = encoder.bin_edges_
        assert encoded.min() >= 0
        assert encoded.max() <= 1
        assert (np.diff(encoded, axis=0) >= 0).all()
        if edges[0] < edges[-1]:
            n_below = np.searchsorted(edges[1:-1], column[:, 0], side="right")
            for total, n, row in zip(encoded.sum(axis=1), n_below, encoded, strict=True):
                assert (row[:n] == 1).all()
                assert (row[n + 1 :] == 0).all()
                assert total == pytest.approx(n + row[n], rel=1e-12)

    @given(COLUMNS, st.integers(2, 12), st.sampled_from(["linear", "constant"]))
    def test_inverse_within_the_range(self, column, n_bins, extrapolation):
        encoder = PiecewiseLinearEncoder(n_bins, extrapolation=extrapolation).fit(column)
        back = encoder.inverse_transform(encoder.transform(column))
        # An error of rounding in each of the T summands and T sums, each no longer than the column
        tolerance = 4 * n_bins * np.finfo(np.float64).eps * np.abs(column).max()
        assert_allclose(back, column, rtol=0, atol=tolerance)

    def test_beyond_the_range(self):
        far = np.array([[-10.0], [20.0]])
        linear = PiecewiseLinearEncoder(2).fit([[0.0], [1.0], [2.0], [6.0], [10.0]])
        assert_array_equal(linear.transform(far), [[-5, 0], [1, 2.25]])
        assert_array_equal(linear.inverse_transform(linear.transform(far)), far)
        constant = clone(linear).set_params(extrapolation="constant").fit([[0.0], [2.0], [10.0]])
        assert_array_equal(constant.transform(far), [[0, 0], [1, 1]])
        assert_array_equal(constant.inverse_transform(constant.transform(far)), [[0], [10]])


class TestQuantiles:
    @given(COLUMNS, st.integers(2, 12), st.data())
    def test_edges_are_the_quantiles(self, column, n_bins, data):
        weight = data.draw(arrays(np.int64, len(column), elements=st.integers(0, 3)))
        weight[0] = 1
        encoder = PiecewiseLinearEncoder(n_bins).fit(column, sample_weight=weight)
        expected = reference.quantile_edges(column[:, 0], weight, n_bins)
        if len(expected) == 1:
            expected *= 2
        assert_array_equal(encoder.bin_edges_[0], expected)

    def test_few_values_have_an_edge_each(self):
        column = np.repeat([[0.0], [1.0], [5.0]], 20, axis=0)
        encoder = PiecewiseLinearEncoder(12).fit(column)
        assert_array_equal(encoder.bin_edges_[0], [0, 1, 5])
        assert_array_equal(encoder.transform([[0], [1], [5]]), [[0, 0], [1, 0], [1, 1]])

    @pytest.mark.parametrize("params", [{}, TREE | {"min_samples_leaf": 1}], ids=str)
    def test_whole_weights_are_repeated_rows(self, params):
        weight = np.random.default_rng(0).integers(0, 4, len(y))
        encoder = PiecewiseLinearEncoder(7, **params)
        weighted = clone(encoder).fit(X, y, sample_weight=weight)
        repeated = clone(encoder).fit(X.repeat(weight, axis=0), y.repeat(weight))
        assert_array_equal(all_edges(weighted), all_edges(repeated))
        assert not np.array_equal(all_edges(weighted), all_edges(encoder.fit(X, y)))


class TestTree:
    @pytest.mark.parametrize("n_bins", [2, 5, 12])
    @pytest.mark.parametrize("min_samples_leaf", [1, 16, 0.1])
    @pytest.mark.parametrize("kind", ["classification", "regression"])
    def test_edges_are_the_thresholds_of_scikit_learn(self, kind, n_bins, min_samples_leaf):
        cls, (X, y) = {
            "classification": (DecisionTreeClassifier, load_iris(return_X_y=True)),
            "regression": (DecisionTreeRegressor, load_diabetes(return_X_y=True)),
        }[kind]
        X = X.astype(np.float32).astype(np.float64)  # a tree's own precision
        weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
        encoder = PiecewiseLinearEncoder(
            n_bins, strategy="tree", min_samples_leaf=min_samples_leaf, target_type=kind
        ).fit(X, y, sample_weight=weight)
        for column, edges in zip(X.T, encoder.bin_edges_, strict=True):
            tree = cls(
                max_leaf_nodes=n_bins, min_samples_leaf=min_samples_leaf, random_state=0
            ).fit(column[:, np.newaxis], y, sample_weight=weight)
            inner = reference.thresholds(tree.tree_)
            assert_array_equal(edges, [column.min(), *inner, column.max()])
        assert max(encoder.n_bins_) <= n_bins

    @pytest.mark.parametrize(
        ("shift", "factor"), [(0, 1e-12), (0, 1e200), (2.0**40, 1), (0, 1e-300)], ids=str
    )
    def test_only_the_order_of_the_values_matters(self, shift, factor):
        """A tree of scikit-learn merges these values, or refuses them: it has float32."""
        whole = np.round(10 * X)
        near, far = (
            PiecewiseLinearEncoder(**TREE).fit(Z, y).transform(Z)
            for Z in (whole, whole * factor + shift)
        )
        # The edges are halves of sums: an error of rounding each, in units of the smallest bin
        assert_allclose(near, far, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("factor", [2.0**-60, 2.0**600])
    def test_the_unit_of_y_does_not_matter(self, factor):
        """A tree of scikit-learn splits nothing, or overflows."""
        encoder = PiecewiseLinearEncoder(strategy="tree", target_type="regression")
        scaled = clone(encoder).set_params(target_type="auto").fit(X_REAL, Y_REAL * factor)
        encoder.fit(X_REAL, Y_REAL)
        assert_array_equal(all_edges(encoder), all_edges(scaled))
        assert encoder.n_bins_.max() > 4

    def test_labels_are_no_target_of_a_regression(self):
        encoder = PiecewiseLinearEncoder(strategy="tree", target_type="regression")
        with pytest.raises(ValueError, match=r"y must hold numbers, but it has 'fir'\. For"):
            encoder.fit(X, np.array(["fir", "ash", "elm"])[y])

    def test_target_type(self):
        counts = np.random.default_rng(0).poisson(5, len(X)) + 20 * (X[:, 0] > 6)

        def edges(target, **params):
            return all_edges(PiecewiseLinearEncoder(5, **TREE, **params).fit(X, target))

        as_numbers = edges(counts, target_type="regression")
        assert_array_equal(edges(counts / 2), as_numbers)
        as_classes = edges(counts, target_type="classification")
        assert_array_equal(edges(counts), as_classes)
        assert_array_equal(edges(counts.astype(str)), as_classes)
        assert not np.array_equal(as_classes, as_numbers)

    @pytest.mark.parametrize(
        "target",
        [
            np.array(["fir", "ash", "elm"], dtype=object)[y],
            y > 0,
            pd.Series(y, dtype="category"),
            np.stack([y > 0, y > 1], axis=1).astype(int),
            np.stack([X[:, 0], X[:, 2] ** 2], axis=1),
            y[:, np.newaxis],
        ],
        ids=["strings", "flags", "categories", "labels", "outputs", "column"],
    )
    def test_targets_of_all_kinds(self, target):
        encoder = PiecewiseLinearEncoder(**TREE).fit(X, target)
        assert (encoder.n_bins_ > 1).all()

    def test_one_class_leaves_one_bin(self):
        encoder = PiecewiseLinearEncoder(**TREE).fit(X, np.ones(len(X), dtype=int))
        assert_array_equal(encoder.n_bins_, 1)
        assert_array_equal(encoder.bin_edges_[0], [X[:, 0].min(), X[:, 0].max()])

    def test_it_needs_y(self):
        assert get_tags(PiecewiseLinearEncoder(strategy="tree")).target_tags.required
        assert not get_tags(PiecewiseLinearEncoder()).target_tags.required
        with pytest.raises(ValueError, match="or set strategy='quantile', which needs no y"):
            PiecewiseLinearEncoder(strategy="tree").fit(X)
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[150, 149\]"):
            PiecewiseLinearEncoder(strategy="tree").fit(X, y[1:])
        with pytest.raises(ValueError, match="Input y contains NaN"):
            PiecewiseLinearEncoder(strategy="tree").fit(X, np.where(y == 0, np.nan, y))

    @pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
    @pytest.mark.parametrize("target_type", ["auto", "classification"])
    def test_missing_labels_are_named(self, missing, target_type):
        labels = np.where(y == 0, "setosa", "other").astype(object)
        labels[3] = missing
        encoder = PiecewiseLinearEncoder(strategy="tree", target_type=target_type)
        with pytest.raises(ValueError, match="y has missing values"):
            encoder.fit(X, labels)

    def test_real_numbers_are_no_classes(self):
        encoder = PiecewiseLinearEncoder(strategy="tree", target_type="classification")
        with pytest.raises(ValueError, match=r"y must hold classes, but it holds real numbers"):
            encoder.fit(X_REAL, Y_REAL + 0.5)


class TestColumns:
    """What real tables have in them."""

    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_a_constant_column_is_one_of_zeros(self, params):
        Z = np.column_stack([np.full(len(X), 7.0), X])
        encoder = PiecewiseLinearEncoder(**params).fit(Z, y)
        assert_array_equal(encoder.bin_edges_[0], [7, 7])
        assert encoder.n_bins_[0] == 1
        encoded = encoder.transform(np.vstack([Z, Z - 1e300, Z + 1e300]))
        assert_array_equal(encoded[:, 0], 0)
        assert_array_equal(encoder.inverse_transform(encoder.transform(Z))[:, 0], 7)

    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_missing_values_are_ignored_in_fit_and_stay_missing(self, params):
        missing = np.random.default_rng(0).random(len(y)) < 0.3
        Z = X.copy()
        Z[missing, 1] = np.nan
        encoder = PiecewiseLinearEncoder(**params).fit(Z, y)
        alone = clone(encoder).fit(X[~missing, 1:2], y[~missing])
        assert_array_equal(encoder.bin_edges_[1], alone.bin_edges_[0])
        assert_array_equal(encoder.bin_edges_[0], clone(encoder).fit(X, y).bin_edges_[0])
        encoded = encoder.transform(Z)
        assert_array_equal(encoded, reference.encode_table(Z, encoder.bin_edges_))
        assert_array_equal(np.isnan(encoder.inverse_transform(encoded)), np.isnan(Z))

    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_a_column_without_values(self, params):
        Z = np.column_stack([np.full(len(X), np.nan), X])
        encoder = PiecewiseLinearEncoder(**params).fit(Z, y)
        assert_array_equal(encoder.bin_edges_[0], [np.nan, np.nan])
        assert np.isnan(encoder.transform(Z)[:, 0]).all()
        assert_array_equal(encoder.transform(np.nan_to_num(Z))[:, 0], 0)
        assert np.isnan(encoder.inverse_transform(encoder.transform(Z))[:, 0]).all()

    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_samples_of_weight_zero_are_as_if_not_there(self, params):
        """Not even at the ends: an outlier of weight zero stretches nothing."""
        weight = np.ones(len(X) + 1)
        weight[-1] = 0
        outlier = np.vstack([X, [[1e9, -1e9, np.nan, 0]]])
        encoder = PiecewiseLinearEncoder(**params)
        weighted = clone(encoder).fit(outlier, np.append(y, 0), sample_weight=weight)
        assert_array_equal(all_edges(weighted), all_edges(encoder.fit(X, y)))

    @pytest.mark.parametrize("params", SETTINGS, ids=str)
    def test_float32_is_kept(self, params):
        Z = X.astype(np.float32)
        encoder = PiecewiseLinearEncoder(**params).fit(Z, y)
        of_double = clone(encoder).fit(Z.astype(np.float64), y)
        assert_array_equal(encoder.bin_edges_[2], of_double.bin_edges_[2])
        encoded = encoder.transform(Z)
        assert encoded.dtype == encoder.inverse_transform(encoded).dtype == np.float32
        assert_array_equal(encoded, of_double.transform(Z.astype(np.float64)).astype(np.float32))
        assert encoder.transform(X).dtype == np.float64
        assert encoder.transform(Z.astype(np.float16)).dtype == np.float64
        assert encoder.transform(np.round(X).astype(int)).dtype == np.float64

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_no_number_becomes_infinite(self, dtype):
        largest = np.finfo(dtype).max
        encoder = PiecewiseLinearEncoder(2).fit(np.array([[0], [1e-30], [2e-30]], dtype=dtype))
        encoded = encoder.transform(np.array([[-largest], [largest]], dtype=dtype))
        assert_array_equal(encoded, np.array([[-largest, 0], [1, largest]], dtype=dtype))
        assert np.isfinite(encoder.inverse_transform(np.full((1, 2), largest, dtype=dtype))).all()

    def test_a_range_that_no_float_holds_is_refused(self):
        message = "Column 1 of X goes from -1e\\+308 to 1e\\+308, and a float cannot hold"
        with pytest.raises(ValueError, match=message):
            PiecewiseLinearEncoder().fit([[0, -1e308], [1, 1e308]])
        with pytest.raises(ValueError, match="Column 'debt' of X goes from"):
            PiecewiseLinearEncoder().fit(pd.DataFrame({"debt": [-1e308, 1e308]}))

    def test_subnormal_numbers_have_edges_too(self):
        tiny = 5e-324 * np.arange(4.0)[:, np.newaxis]
        encoder = PiecewiseLinearEncoder(3).fit(tiny)
        assert_array_equal(encoder.transform(tiny), np.tri(4, 3, -1))

    def test_one_sample(self):
        assert_array_equal(PiecewiseLinearEncoder().fit_transform([[3.0, 4.0]]), [[0, 0]])

    @pytest.mark.parametrize("order", ["C", "F"])
    def test_x_is_not_written_to(self, order):
        Z = np.array(X, order=order)
        Z.flags.writeable = False
        assert not np.shares_memory(PiecewiseLinearEncoder().fit_transform(Z), Z)

    def test_sparse_x_is_refused(self):
        with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data"):
            PiecewiseLinearEncoder().fit(sp.csr_array(X))

    def test_inverse_of_other_columns_is_refused(self):
        encoder = PiecewiseLinearEncoder(2).fit(X)
        with pytest.raises(ValueError, match="X has 4 columns, but this encoder returns 8, one"):
            encoder.inverse_transform(X)


class TestFrames:
    def test_pandas_goes_in_and_comes_out(self):
        frame = pd.DataFrame(X, columns=["a", "b", "c", "d"], index=np.arange(150) + 7)
        encoder = PiecewiseLinearEncoder(2).set_output(transform="pandas").fit(frame)
        encoded = encoder.transform(frame)
        assert list(encoded)[:3] == ["a_bin_0", "a_bin_1", "b_bin_0"]
        assert_array_equal(encoded.index, frame.index)
        assert_array_equal(encoded, PiecewiseLinearEncoder(2).fit_transform(X))
        assert_array_equal(encoder.feature_names_in_, ["a", "b", "c", "d"])
        with pytest.raises(ValueError, match="feature names"):
            encoder.transform(frame.rename(columns={"a": "e"}))

    def test_missing_values_of_pandas(self):
        frame = pd.DataFrame({"a": pd.array([1, 2, None, 4], dtype="Int64")})
        encoded = PiecewiseLinearEncoder(2).fit_transform(frame)
        assert_array_equal(encoded, [[0, 0], [1, 0], [np.nan, np.nan], [1, 1]])

    def test_polars_goes_in_and_comes_out(self):
        pl = pytest.importorskip("polars")
        frame = pl.DataFrame({"a": [1.0, 2.0, None, 4.0], "b": [1, 2, 3, 4]})
        encoder = PiecewiseLinearEncoder(2).set_output(transform="polars")
        encoded = encoder.fit_transform(frame)
        assert encoded.columns == ["a_bin_0", "a_bin_1", "b_bin_0", "b_bin_1"]
        assert_array_equal(encoded["a_bin_0"].to_numpy(), [0, 1, np.nan, 1])

    def test_names_of_arrays(self):
        encoder = PiecewiseLinearEncoder(2).fit(np.column_stack([X[:, 0], np.ones(150)]))
        assert list(encoder.get_feature_names_out()) == ["x0_bin_0", "x0_bin_1", "x1_bin_0"]
        assert encoder.get_feature_names_out(["u", "v"])[2] == "v_bin_0"


class TestWithOthers:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_the_tree_gets_y_through_a_pipeline_and_a_search(self):
        encoder = PiecewiseLinearEncoder(**TREE)
        network = MLPScratchClassifier((8,), solver="lbfgs", alpha=0.1, random_state=0)
        columns = make_column_transformer((encoder, [0, 2]), remainder="passthrough")
        grid = {"columntransformer__piecewiselinearencoder__n_bins": [2, 6]}
        search = GridSearchCV(make_pipeline(columns, network), grid, cv=3, error_score="raise")
        assert search.fit(X, y).best_score_ > 0.9

    def test_weights_are_routed(self):
        weight = np.random.default_rng(0).integers(0, 4, len(y))
        with config_context(enable_metadata_routing=True):
            encoder = PiecewiseLinearEncoder(3).set_fit_request(sample_weight=True)
            pipeline = make_pipeline(encoder, "passthrough").fit(X, y, sample_weight=weight)
        expected = PiecewiseLinearEncoder(3).fit(X, sample_weight=weight)
        assert_array_equal(all_edges(pipeline[0]), all_edges(expected))

    def test_files_name_the_public_module(self):
        encoder = PiecewiseLinearEncoder(**TREE).fit(X, y)
        content = pickle.dumps(encoder)
        assert b"piecewise_linear" not in content
        assert_array_equal(pickle.loads(content).transform(X), encoder.transform(X))

    def test_skops(self):
        skops = pytest.importorskip("skops.io")
        encoder = PiecewiseLinearEncoder(**TREE).fit(X, y)
        content = skops.dumps(encoder)
        trusted = skops.get_untrusted_types(data=content)
        assert trusted == ["sknn_scratch.tabular.PiecewiseLinearEncoder"]
        assert_array_equal(skops.loads(content, trusted=trusted).transform(X), encoder.transform(X))

    def test_fitting_again_forgets(self):
        encoder = PiecewiseLinearEncoder().fit(X_REAL)
        again = encoder.fit(X)
        assert_array_equal(again.transform(X), PiecewiseLinearEncoder().fit_transform(X))
