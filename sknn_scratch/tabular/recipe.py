"""From a table to an ensemble of networks: pipelines whose parts can each be changed.

The parts are scikit-learn's wherever it has them. `PiecewiseLinearEncoder` and `SmoothClip` compute
what none of its transformers does. `ColumnsOfKind`, `read_numbers` and `read_categories` are there
because its selectors and encoders do not take all that a frame of pandas or polars may hold.
`TableTransformer` and `ScaledTargetRegressor` add little but words to two classes of its own.
"""

from numbers import Integral
from typing import Any, Literal

import numpy as np
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from sknn_scratch._arguments import checks_arguments
from sknn_scratch._sklearn import Interval, StrOptions
from sknn_scratch._typing import RandomState
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.tabular.kinds import ColumnsOfKind, read_categories, read_numbers
from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder
from sknn_scratch.tabular.smooth_clip import SmoothClip
from sknn_scratch.tabular.table import TableTransformer
from sknn_scratch.tabular.target import ScaledTargetRegressor

NETWORK: dict[str, Any] = {
    "hidden_layer_sizes": (128, 128, 128),
    "activation": "silu",
    "alpha": 0.0,
    "batch_size": 32,
    "learning_rate": "one_cycle",
    "learning_rate_init": 2e-3,
    "beta_2": 0.95,
    "weight_decay": 0.03,
    "dropout": 0.1,
    "early_stopping": True,
    "early_stopping_on": "loss",
    "n_iter_no_change": 16,
}
CONSTRAINTS: dict[str, list] = {
    "n_networks": [Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "engine": [StrOptions({"numpy", "numba"})],
    "random_state": ["random_state"],
    "n_jobs": [None, Integral],
}


@checks_arguments(CONSTRAINTS)
def tabular_classifier(
    *,
    n_networks: int = 8,
    max_iter: int = 64,
    engine: Literal["numpy", "numba"] = "numpy",
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> Pipeline:
    """Return a pipeline that classifies the rows of a table as it comes.

    Its steps are

    - ``columns``, a :class:`TableTransformer` by what a column holds:
      ``numbers``, ``two_numbers``, ``gaps``, ``categories`` and ``two_categories``;
    - ``float32``, in which the networks compute;
    - ``networks``, an ensemble in which each network has a seed and a held-out tenth of its own.

    Each part has a name, by which it can be replaced or left out. The page
    :doc:`From a table to a network </tabular>` shows what each of them is good for.

    Parameters
    ----------
    n_networks : int, default=8
        The number of networks. Their probabilities are averaged.

    max_iter : int, default=64
        The number of epochs for which the learning rate is planned. A network may stop earlier, and
        keeps the weights with the least loss on the samples that it holds out.

    engine : {'numpy', 'numba'}, default='numpy'
        What computes the epochs. 'numba' is several times as fast; it needs the extra ``fast``.

    random_state : int, RandomState instance or None, default=None
        Seed for all that is drawn. With an int, every fit gives the same result.

    n_jobs : int or None, default=None
        How many networks are trained at the same time.

    Returns
    -------
    pipeline : Pipeline
        The pipeline, not fitted. It takes frames of pandas and polars, and arrays.

    See Also
    --------
    tabular_regressor : The same for numbers to be predicted.
    sklearn.ensemble.HistGradientBoostingClassifier : What else to try on a table.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import train_test_split
    >>> from sknn_scratch.tabular import tabular_classifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = tabular_classifier(n_networks=2, random_state=0).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.9
    True
    """
    network = MLPScratchClassifier(**NETWORK, max_iter=max_iter, engine=engine)
    networks = MLPBaggingClassifier(
        network, n_networks, bootstrap=False, random_state=random_state, n_jobs=n_jobs
    )
    return _pipeline("classification", networks)


@checks_arguments(CONSTRAINTS)
def tabular_regressor(
    *,
    n_networks: int = 8,
    max_iter: int = 64,
    engine: Literal["numpy", "numba"] = "numpy",
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> Pipeline:
    """Return a pipeline that predicts a number for each row of a table as it comes.

    It has the steps of :func:`tabular_classifier`. The ensemble is within a
    :class:`ScaledTargetRegressor`, so that the networks learn the target with
    mean 0 and variance 1. What they hold out is of that scale as well. For counts and amounts, give
    the networks a loss that predicts positive numbers, as in
    ``model.set_params(networks__regressor__estimator__loss="poisson")``. Their target is then
    divided by its standard deviation, and not centred.

    Parameters
    ----------
    n_networks : int, default=8
        The number of networks. Their predictions are averaged.

    max_iter : int, default=64
        The number of epochs for which the learning rate is planned. A network may stop earlier, and
        keeps the weights with the least loss on the samples that it holds out.

    engine : {'numpy', 'numba'}, default='numpy'
        What computes the epochs. 'numba' is several times as fast; it needs the extra ``fast``.

    random_state : int, RandomState instance or None, default=None
        Seed for all that is drawn. With an int, every fit gives the same result.

    n_jobs : int or None, default=None
        How many networks are trained at the same time.

    Returns
    -------
    pipeline : Pipeline
        The pipeline, not fitted. It takes frames of pandas and polars, and arrays.

    See Also
    --------
    tabular_classifier : The same for classes.
    sklearn.ensemble.HistGradientBoostingRegressor : What else to try on a table.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknn_scratch.tabular import tabular_regressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = tabular_regressor(n_networks=2, random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.4
    True
    """
    network = MLPScratchRegressor(**NETWORK, max_iter=max_iter, engine=engine)
    networks = MLPBaggingRegressor(
        network, n_networks, bootstrap=False, random_state=random_state, n_jobs=n_jobs
    )
    scaled = ScaledTargetRegressor(
        networks,
        # It must return an array whatever sklearn.set_config(transform_output=) says
        transformer=StandardScaler().set_output(transform="default"),
        check_inverse=False,  # it can always be undone
    )
    return _pipeline("regression", scaled)


def _pipeline(target_type, networks):
    as_float32 = FunctionTransformer(
        np.asarray, kw_args={"dtype": np.float32}, feature_names_out="one-to-one"
    )
    return Pipeline(
        [("columns", _columns(target_type)), ("float32", as_float32), ("networks", networks)]
    )


def _columns(target_type):
    """Return what becomes of each kind of columns; those of a single value are left out."""
    return TableTransformer(
        [
            ("numbers", _numbers(target_type), ColumnsOfKind("numbers")),
            ("two_numbers", _two_numbers(), ColumnsOfKind("two_numbers")),
            ("gaps", _gaps(), ColumnsOfKind("numbers_with_gaps")),
            ("categories", _categories(), ColumnsOfKind("categories")),
            ("two_categories", _two_categories(), ColumnsOfKind("two_categories")),
        ],
        sparse_threshold=0.0,  # a network with a small first layer gains nothing from sparse rows
    )


def _numbers(target_type):
    """Return numbers on one scale, beside the bins that they fall into."""
    bins = PiecewiseLinearEncoder(
        n_bins=12,
        strategy="tree",
        min_samples_leaf=32,
        target_type=target_type,
        extrapolation="constant",  # a number far beyond those of fit must not rule the prediction
    )
    centred_bins = Pipeline([("bins", bins), ("centre", StandardScaler(with_std=False))])
    encodings = FeatureUnion([("smooth", SmoothClip()), ("bins", centred_bins)])
    return Pipeline([("read", _reader(read_numbers)), ("encode", encodings), ("fill", _zero())])


def _two_numbers():
    """Return -1 and 1, and 0 for what is missing."""
    return Pipeline(
        [("read", _reader(read_numbers)), ("scale", _minus_one_and_one()), ("fill", _zero())]
    )


def _gaps():
    """Return 1 where a number is missing. A column without gaps in fit may have some later."""
    marks = MissingIndicator(error_on_new=False)
    return Pipeline([("read", _reader(read_numbers)), ("mark", marks)])


def _categories():
    """Return a column of 0 and 1 for each category that is not rare, and one for all that are."""
    one_hot = OneHotEncoder(
        min_frequency=10,
        max_categories=256,  # bounds the memory of a table of millions of rows
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
        dtype=np.float32,
    )
    return Pipeline([("read", _reader(read_categories)), ("one_hot", one_hot)])


def _two_categories():
    """Return -1 and 1, and 0 for a category that was not in fit."""
    number = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return Pipeline(
        [
            ("read", _reader(read_categories)),
            ("number", number),
            ("scale", _minus_one_and_one()),
            ("fill", _zero()),
        ]
    )


def _reader(read):
    return FunctionTransformer(read, feature_names_out="one-to-one")


def _minus_one_and_one():
    return MinMaxScaler(feature_range=(-1, 1), clip=True)


def _zero():
    """Return what puts 0, the middle of all encodings, in the place of what is missing."""
    return SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
