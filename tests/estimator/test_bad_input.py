"""Whatever is wrong with parameters or data, the error names it and says what was given."""

import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from sklearn.utils._param_validation import InvalidParameterError

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch._sklearn import validate_parameter_constraints
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_selection import MLPGridSearchCV

ESTIMATORS = [MLPScratchClassifier]

X, y = load_iris(return_X_y=True)
X = scale(X)

NO_NUMBER = ["0.1", None, Fraction(1, 3), [0.1], True, np.True_]
NO_COUNT = ["9", 9.5, None, True, False]
NO_FLAG = ["yes", None]
FLAGS = [True, False, np.True_]
NOT_FINITE = [np.nan, np.inf, -np.inf]
# For two weight matrices: not numbers at all, and numbers that no strength can be.
NO_STRENGTHS = {
    "type": ["0.1", None, [0.1, None], [0.1, "0.1"], [[0.1], [0.2]], True, [0.1, True]],
    "value": [-0.1, *NOT_FINITE, [0.1, -0.1], [0.1, np.nan], [0.1, np.inf]],
}

WRONG = {
    "hidden_layer_sizes": {
        "type": [
            "3",
            2.5,
            None,
            (3, 2.5),
            (3, "3"),
            (None,),
            [[3, 4]],
            [[3], [4]],
            *FLAGS,
            (3, True),
        ],
        "value": [0, -3, (3, 0), (3, -1), (np.nan,), (np.inf,)],
    },
    "activation": {"type": [5, None], "value": ["rely"]},
    "solver": {"type": [5, None, ["sgd"]], "value": ["newton"]},
    "alpha": {"type": NO_NUMBER, "value": [-1e-4, *NOT_FINITE]},
    "batch_size": {"type": [10.0, None, [10], *FLAGS], "value": [0, -1, "all", *NOT_FINITE]},
    "learning_rate": {"type": [0.1, None], "value": ["falling"]},
    "learning_rate_init": {"type": NO_NUMBER, "value": [0, 0.0, -0.1, *NOT_FINITE]},
    "power_t": {"type": NO_NUMBER, "value": [-0.5, *NOT_FINITE]},
    "max_iter": {"type": [*NO_COUNT, [9]], "value": [0, -1, *NOT_FINITE]},
    "shuffle": {"type": NO_FLAG, "value": [2]},
    "random_state": {"type": ["seed", 0.5, [0], *FLAGS], "value": [-1, 2**32]},
    "tol": {"type": NO_NUMBER, "value": [-1e-4, *NOT_FINITE]},
    "verbose": {"type": [*NO_FLAG, 0.5], "value": [-1]},
    "warm_start": {"type": [None, 0.5], "value": ["continue", 2]},
    "momentum": {"type": NO_NUMBER, "value": [-0.1, 1.1, *NOT_FINITE]},
    "nesterovs_momentum": {"type": NO_FLAG, "value": [2]},
    "early_stopping": {"type": NO_FLAG, "value": [2]},
    "validation_fraction": {"type": NO_NUMBER, "value": [-0.1, 1.0, 30, *NOT_FINITE]},
    "beta_1": {"type": NO_NUMBER, "value": [-0.1, 1.0, *NOT_FINITE]},
    "beta_2": {"type": NO_NUMBER, "value": [-0.1, 1.0, *NOT_FINITE]},
    "epsilon": {"type": NO_NUMBER, "value": [0.0, -1e-8, *NOT_FINITE]},
    "n_iter_no_change": {"type": NO_COUNT, "value": [0, -1, np.nan, -np.inf]},
    "max_fun": {"type": NO_COUNT, "value": [0, -1, *NOT_FINITE]},
    "init": {"type": [5, None], "value": ["zeros"]},
    "l1": NO_STRENGTHS,
    "l2": NO_STRENGTHS,
    "weight_decay": {"type": [*NO_NUMBER, [0.1, 0.1]], "value": [-0.1, *NOT_FINITE]},
    "group_l1": {"type": [*NO_NUMBER, [0.1, 0.1]], "value": [-0.1, *NOT_FINITE]},
    "max_norm": {"type": ["0.1", [0.1], *FLAGS], "value": [0.0, -0.1, *NOT_FINITE]},
    "dropout": {
        "type": ["0.1", None, [0.1, None], [0.1, "0.1"], [[0.1], [0.2]], False, [0.1, False]],
        "value": [-0.1, 1.0, *NOT_FINITE, [0.1, 1.0], [0.1, np.nan]],
    },
    "warmup_epochs": {"type": NO_NUMBER, "value": [-1, *NOT_FINITE]},
    "restart": {"type": NO_FLAG, "value": [2]},
    "early_stopping_on": {"type": [5, None], "value": ["luck"]},
    "stop_when": {"type": [5, True], "value": ["late"]},
    "engine": {"type": [5, None, True], "value": ["cuda"]},
    "class_weight": {"type": [5, 0.5], "value": ["heavy"]},
    "label_smoothing": {"type": NO_NUMBER, "value": [-0.1, 1.0, *NOT_FINITE]},
}


def small(estimator=MLPScratchClassifier, **params):
    """Return an estimator with two weight matrices that is trained for a moment."""
    return estimator(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0} | params)


def spoilt(X, value):
    """Return a copy of the samples with one value replaced."""
    X = X.copy()
    X[7, 2] = value
    return X


@pytest.fixture
def fitted():
    with pytest.warns(ConvergenceWarning):
        return small().fit(X, y)


# Parameters


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_parameter_has_a_wrong_type_and_a_wrong_value(estimator):
    names = set(estimator().get_params())
    assert names == set(estimator._parameter_constraints)
    assert names == set(WRONG)
    assert all(kinds["type"] and kinds["value"] for kinds in WRONG.values())


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("method", "name", "given"),
    [
        pytest.param(method, name, given, id=f"{method}-{name}={given!r}")
        for method in ["fit", "partial_fit"]
        for name, kinds in WRONG.items()
        for given in kinds["type"] + kinds["value"]
        if (method, name) != ("partial_fit", "solver")  # see test_no_partial_fit
    ],
)
def test_wrong_parameter(estimator, method, name, given):
    arguments = {"classes": np.unique(y)} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=f"(?s){name}.*(got|Got) {re.escape(repr(given))}"):
        getattr(small(estimator, **{name: given}), method)(X, y, **arguments)


@pytest.mark.parametrize("wrong", [5, None, "rely"])
def test_wrong_activation_of_one_layer(wrong):
    model = small(hidden_layer_sizes=(5, 4), activation=["relu", wrong])
    with pytest.raises(ValueError, match=f"activation must .*'tanh'.* got {wrong!r}"):
        model.fit(X, y)


@pytest.mark.parametrize("given", [(), ("relu",), ("relu", "tanh", "relu")])
def test_activation_of_wrong_length(given):
    message = rf"activation has {len(given)} .*hidden_layer_sizes=\(5, 4\).* 2 hidden layers"
    with pytest.raises(ValueError, match=message):
        small(hidden_layer_sizes=(5, 4), activation=given).fit(X, y)


@pytest.mark.parametrize("name", ["l1", "l2"])
@pytest.mark.parametrize("given", [(), (0.1,), (0.1, 0.1, 0.1), np.full(3, 0.1), [[0.1, 0.1]]])
def test_strengths_of_wrong_length(name, given):
    message = rf"{name} has {len(given)} .*hidden_layer_sizes=\(5,\).* 2 weight matrices"
    with pytest.raises(ValueError, match=message):
        small(**{name: given}).fit(X, y)


@pytest.mark.parametrize(
    "params",
    [
        {"group_l1": 0.1},
        {"max_norm": 1.0},
        {"dropout": [0.0, 0.1]},
        {"weight_decay": 0.1},
        {"warm_start": "resume"},
    ],
    ids=str,
)
def test_parameter_that_lbfgs_does_not_take(params):
    [(name, given)] = params.items()
    message = rf"{name}={re.escape(repr(given))} needs .*{next(iter(SOLVERS))}.* got 'lbfgs'"
    with pytest.raises(ValueError, match=message):
        small(solver="lbfgs", **params).fit(X, y)


def test_no_partial_fit():
    assert all(hasattr(small(solver=solver), "partial_fit") for solver in SOLVERS)
    with pytest.raises(AttributeError, match="partial_fit") as error:
        _ = small(solver="lbfgs").partial_fit
    assert "solver='lbfgs'" in str(error.value.__cause__)


def test_partial_fit_with_early_stopping():
    with pytest.raises(ValueError, match=r"partial_fit .* early_stopping=True"):
        small(early_stopping=True).partial_fit(X, y, classes=np.unique(y))


@pytest.mark.parametrize(
    ("rows", "fraction", "message"),
    [
        ([0, 60, 120], 0.1, "validation set is too small.*'validation_fraction'"),
        ([0, 60], 0.1, "early_stopping=True .*validation_fraction=0.1: .*only 1 member"),
        ([0, 1, 60, 61], 0.0, "early_stopping=True .*validation_fraction=0.0: "),
        ([0, 1, 60, 61], 0.99, "early_stopping=True .*validation_fraction=0.99: "),
    ],
)
def test_too_few_samples_for_early_stopping(rows, fraction, message):
    model = small(early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ValueError, match=message):
        model.fit(X[rows], y[rows])


def test_batch_larger_than_the_data():
    with (
        pytest.warns(ConvergenceWarning),
        pytest.warns(UserWarning, match=r"batch_size`=1000, .* 150 training samples.* clipped"),
    ):
        small(batch_size=1000).fit(X, y)


# Data


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (spoilt(X, np.nan), "X contains NaN"),
        (spoilt(X, np.inf), "X contains infinity"),
        (csr_array(spoilt(X, np.nan)), "X contains NaN"),
        (X[:, 0], "2D array, got 1D array"),
        (X[:, :, None], "dim 3.* 2"),
        (X[:0], r"0 sample\(s\) \(shape=\(0, 4\)\)"),
        (X[:, :0], r"0 feature\(s\) \(shape=\(150, 0\)\)"),
        (np.full(X.shape, "tall"), "X must hold numbers, but .*'tall'.* Encode"),
        (spoilt(X.astype(object), "tall"), "X must hold numbers, but .*'tall'.* Encode"),
        (X + 1j, "Complex data not supported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bad_samples(estimator, wrong, message):
    with pytest.raises(ValueError, match=f"(?s){message}") as error:
        small(estimator).fit(wrong, y[: wrong.shape[0]])
    assert ("Encode strings" in str(error.value)) == ("tall" in message)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (y[:-1], r"samples: \[150, 149\]"),
        (None, "requires y .* None"),
        (y + 0.3, r"label type: .*0\.3"),
        (np.where(y == 0, np.nan, y), "y contains NaN"),
        (np.where(y == 0, np.inf, y), "y contains infinity"),
        (np.zeros((150, 2, 2)), "dim 3"),
        (np.stack([y, y], axis=1), "Multioutput"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_labels(wrong, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        small().fit(X, wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.ones(3), r"sample_weight.shape == \(3,\), expected \(150,\)"),
        (np.ones((150, 1)), "1D array or scalar, got 2D"),
        (np.full(150, np.nan), "sample_weight contains NaN"),
        (np.full(150, np.inf), "sample_weight contains infinity"),
        (np.linspace(-1, 1, 150), "Negative values .*`sample_weight`"),
        (np.zeros(150), "weights must contain at least one non-zero"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_bad_sample_weight(estimator, solver, wrong, message):
    with pytest.raises(ValueError, match=message):
        small(estimator, solver=solver).fit(X, y, sample_weight=wrong)


@pytest.mark.parametrize("label", [4, "ash", True])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_class_only(solver, label):
    with pytest.warns(RuntimeWarning, match=f"y holds one class only, {label}"):
        model = small(solver=solver).fit(X, np.full(150, label))
    assert (model.predict(X) == label).all()
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((150, 1)), strict=True)


@pytest.mark.parametrize("names", [np.arange(3), np.array(["ash", "elm", "fir"])])
def test_unseen_class_in_partial_fit(names):
    model = small().partial_fit(X[y < 2], names[y[y < 2]], classes=names[:2])
    with pytest.raises(ValueError, match=rf"classes not in `self.classes_`: .*{names[2]}"):
        model.partial_fit(X, names[y])


def test_classes_of_partial_fit():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(X, y)
    model = small().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"classes=\[0, 1, 3\].* was: array\(\[0, 1, 2\]\)"):
        model.partial_fit(X, y, classes=[0, 1, 3])


@pytest.mark.parametrize("warm_start", [True, "resume"])
def test_warm_start_with_other_classes(fitted, warm_start):
    fitted.set_params(warm_start=warm_start)
    message = r"warm_start .*`y` has the same classes .* \[0 1 2\], `y` has \[0 1 5\]"
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, np.where(y == 2, 5, y))


@pytest.mark.parametrize("sizes", [(6,), (5, 5), ()])
@pytest.mark.parametrize("warm_start", [True, "resume"])
def test_warm_start_with_other_layers(fitted, warm_start, sizes):
    fitted.set_params(warm_start=warm_start, hidden_layer_sizes=sizes)
    message = rf"hidden_layer_sizes={re.escape(str(sizes))} .*\[4, 5, 3\].*warm_start=False"
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_resume_with_other_data():
    model = small(warm_start="resume").fit(X, y)
    with pytest.raises(ValueError, match=r"warm_start='resume' .* 150 samples, this X has 149"):
        model.fit(X[:-1], y[:-1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_not_fitted(estimator, method):
    with pytest.raises(NotFittedError, match=f"{estimator.__name__} instance is not fitted"):
        getattr(small(estimator), method)(X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score"])
def test_wrong_samples_to_predict(fitted, method):
    arguments = (y,) if method == "score" else ()
    for wrong, message in [
        (X[:, :2], "X has 2 features, .* expecting 4 features"),
        (spoilt(X, np.nan), "X contains NaN"),
        (np.full(X.shape, "tall"), "X must hold numbers, but .*tall"),
    ]:
        with pytest.raises(ValueError, match=message):
            getattr(fitted, method)(wrong, *arguments)


def test_other_number_of_features_in_partial_fit(fitted):
    with pytest.raises(ValueError, match=r"X has 2 features, .* expecting 4 features"):
        fitted.partial_fit(X[:, :2], y)


def test_nested_activation():
    with pytest.raises(ValueError, match=r"activation must .* got \['tanh'\]"):
        small(hidden_layer_sizes=(5, 4), activation=["relu", ["tanh"]]).fit(X, y)


@pytest.mark.parametrize("name", ["hidden_layer_sizes", "activation", "l1", "l2"])
def test_array_without_axes(name):
    given = {"hidden_layer_sizes": 0.5, "activation": "rely"}.get(name, -0.1)
    with pytest.raises(ValueError, match=f"{name}.*{given}"):
        small(**{name: np.array(given)}).fit(X, y)


def test_strings_as_sample_weight():
    with pytest.raises(ValueError, match=r"sample_weight.*heavy"):
        small().fit(X, y, sample_weight=["heavy"] * 150)


def test_validation_samples_without_weight():
    with pytest.raises(ValueError, match=r"sample_weight.*validation"):
        small(early_stopping=True).fit(X, y, sample_weight=np.arange(150) < 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_power_t_so_large_that_the_step_vanishes():
    model = small(solver="sgd", learning_rate="invscaling", power_t=200.0)
    assert model.fit(X, y).history_["learning_rate"][1] == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_from_several_labels_to_one():
    labels = np.stack([y > 0, y > 1], axis=1).astype(int)
    model = small(warm_start=True).fit(X, labels)
    with pytest.raises(ValueError, match=r"y has one label .* has several"):
        model.fit(X, labels[:, 0])


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf, 0.0, "heavy", True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_class_weight(weight):
    # No weight at all is zero for all classes
    class_weight = {0: weight, 1: 0.0 if weight == 0 else 1.0, 2: 0.0 if weight == 0 else 1.0}
    with pytest.raises(ValueError, match=rf"class_weight.*{weight}"):
        small(class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize(
    "step", [None, "fast", -1.0, np.nan, np.inf, np.full(2, 0.1), True], ids=str
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bad_step_of_a_function(step):
    with pytest.raises(ValueError, match=rf"(?s)learning_rate.*{re.escape(repr(step))}"):
        small(learning_rate=lambda epoch: step).fit(X, y)


def test_balanced_classes_of_which_one_has_no_weight():
    with pytest.raises(ValueError, match=r"class_weight='balanced'.*sample_weight"):
        small(class_weight="balanced").fit(X, y, sample_weight=(y > 0).astype(float))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_class_weights_whose_sum_overflows():
    with pytest.raises(ValueError, match=r"class_weight.*sum is inf"):
        small(class_weight=dict.fromkeys(range(3), 1e308)).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_samples_without_weight():
    weight = np.zeros(150)
    weight[_held_out(0)] = 1
    with pytest.raises(ValueError, match=r"sample_weight.*left to train on"):
        small(early_stopping=True).fit(X, y, sample_weight=weight)


def _held_out(seed):
    """Return the rows that early stopping holds out of 150, after the draws of the weights."""
    generator = np.random.RandomState(seed)
    for n_in, n_out in [(4, 5), (5, 3)]:
        generator.uniform(size=n_in * n_out)
        generator.uniform(size=n_out)
    return train_test_split(np.arange(150), random_state=generator, test_size=0.1)[1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("size", [1e-307, 1e-40])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_sample_weights_that_are_too_small_for_alpha(cls, solver, size):
    """Without alpha the size of the weights does not matter."""
    dtype = np.float64 if size < 1e-300 else np.float32
    given, weight = X.astype(dtype), np.full(150, size / 150)
    model = cls(hidden_layer_sizes=4, solver=solver, max_iter=3, random_state=0)
    with pytest.raises(ValueError, match=r"sample_weight has a mean of .*alpha.*Multiply .* l2"):
        model.fit(given, y, weight)
    if solver != "lbfgs":
        with pytest.raises(ValueError, match="sample_weight has a mean of "):
            model.partial_fit(given, y, weight, *[np.unique(y)] * (cls is MLPScratchClassifier))
    with pytest.raises(ValueError, match="sample_weight has a mean of "):
        MLPGridSearchCV(model, {"tol": [0, 1]}, error_score="raise").fit(
            given, y, sample_weight=weight
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(alpha=0).fit(given, y, weight)
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_weights_too_small_for_alpha_in_one_split_of_a_search():
    splits = [(np.arange(75), np.arange(75, 150)), (np.arange(75, 150), np.arange(75))]
    weight = np.where(np.arange(150) < 75, 1e-308, 1.0)
    search = MLPGridSearchCV(
        small(MLPScratchRegressor, solver="sgd"), {"alpha": [0.1, 0.2]}, cv=splits
    )
    with pytest.warns(FitFailedWarning, match=r"(?s)2 fits failed.*sample_weight has a mean of 1"):
        search.fit(X, y, sample_weight=weight)
    assert np.isnan(search.cv_results_["split0_test_score"]).all()
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


def test_numbers_beyond_float64_are_not_told_to_use_float64():
    large = np.asarray(y, np.longdouble) * np.longdouble("1e400")
    if not np.isfinite(large).all():
        pytest.skip("long doubles are no longer than doubles on this platform")
    with pytest.raises(ValueError, match=r"^y goes up to .* Scale y\.$"):
        small(MLPScratchRegressor).fit(X, large)


@pytest.mark.parametrize("several", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_targets_beyond_single_precision(solver, several):
    model = MLPScratchRegressor(hidden_layer_sizes=4, solver=solver, max_iter=3)
    target = X[:, :2] * 1e200 if several else X[:, 0] * 1e200
    with pytest.raises(ValueError, match=r"y goes up to [23]\..*e\+200, but .* float32.*Scale y"):
        model.fit(X.astype(np.float32), target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_data_beyond_the_precision_of_a_model_to_go_on_with():
    model = MLPScratchRegressor(hidden_layer_sizes=4, max_iter=3, warm_start=True, random_state=0)
    model.fit(X.astype(np.float32), X[:, 0])
    for given, name in [((X, X[:, 0] * 1e200), "y"), ((X * 1e200, X[:, 0]), "X")]:
        with pytest.raises(ValueError, match=rf"{name} goes up to .* float32"):
            model.fit(*given)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("search", [False, True], ids=["alone", "search"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_finite_weights_with_infinite_predictions_have_diverged(dtype, search):
    model = MLPScratchRegressor(
        hidden_layer_sizes=(4, 4, 4),
        solver="gd",
        learning_rate_init=1e13 if dtype is np.float32 else 1e104,
        max_iter=1,
        random_state=0,
    )
    if search:
        model = MLPGridSearchCV(model, {"tol": [0, 1]}, error_score="raise")
    with pytest.raises(ValueError, match="Training diverged in epoch 1: lower learning_rate_init"):
        model.fit(X.astype(dtype), y)


def test_sample_weights_whose_sum_overflows():
    with pytest.raises(ValueError, match="sample_weight"):
        small().fit(X, y, sample_weight=np.full(150, 1e308))


# Numbers without bounds


HUGE = 10**400  # more than a float can hold


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("given", [HUGE, Fraction(HUGE, 3), [HUGE, 0]], ids=type)
@pytest.mark.parametrize(
    "name", [n for n, kinds in WRONG.items() if isinstance(kinds["value"][0], (int, float))]
)
def test_number_too_large_for_a_float(estimator, name, given):
    with pytest.raises(ValueError, match=f"(?s){name}.*(larger|[Gg]ot)"):
        small(estimator, **{name: given}).fit(X, y)


def test_learning_rate_too_large_for_a_float():
    with pytest.raises(ValueError, match=r"learning_rate, a function .* must return a finite"):
        small(learning_rate=lambda epoch: HUGE).fit(X, y)


def test_class_weight_too_large_for_a_float():
    with pytest.raises(ValueError, match="class_weight must hold finite numbers"):
        small(class_weight={0: HUGE}).fit(X, y)


@pytest.mark.parametrize("units", [10**15, 2**62, 2**63, 10**30])
def test_more_units_than_memory(units):
    with pytest.raises(ValueError, match=rf"hidden_layer_sizes={units} .* more than fit into mem"):
        small(hidden_layer_sizes=units).fit(X, y)


# Parameters set between calls of partial_fit


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param(name, given, id=f"{name}={given!r}")
        for name, kinds in WRONG.items()
        for given in kinds["type"] + kinds["value"]
        if name != "solver"
    ],
)
def test_wrong_parameter_set_after_partial_fit(estimator, name, given):
    """scikit-learn checks no parameters in later calls; what it then did with them was luck."""
    model = small(estimator).partial_fit(X, y, classes=np.unique(y))
    model.set_params(**{name: given})
    for _ in range(2):
        with pytest.raises(ValueError, match=f"(?s){name}.*(got|Got) {re.escape(repr(given))}"):
            model.partial_fit(X, y)


def test_parameters_of_partial_fit_are_checked_once(monkeypatch):
    model = small().partial_fit(X, y, classes=np.unique(y))
    checks = []
    monkeypatch.setattr(model, "_validate_params", lambda: checks.append(1))
    for _ in range(3):
        model.partial_fit(X, y)
    assert len(checks) == 1
    model.set_params(alpha=0.5).partial_fit(X, y)
    assert len(checks) == 2
    with config_context(skip_parameter_validation=True):
        model.set_params(alpha=0.7).partial_fit(X, y)
    assert len(checks) == 2


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_defaults_which_are_not_checked_again_are_right(cls):
    constraints = cls._parameter_constraints
    assert cls().get_params().keys() == constraints.keys()
    validate_parameter_constraints(constraints, cls().get_params(), caller_name=cls.__name__)


def test_a_default_of_a_derived_class_that_is_wrong_is_refused():
    class Wrong(MLPScratchClassifier):
        def __init__(self, alpha=-1.0, tol=1e-3):
            super().__init__(alpha=alpha, tol=tol)

    for _ in range(2):
        with pytest.raises(InvalidParameterError, match=r"'alpha' parameter of Wrong .* Got -1\.0"):
            Wrong().fit(X, y)
    with pytest.raises(InvalidParameterError, match=r"'tol' parameter of Wrong .* Got -2"):
        Wrong(alpha=1e-3, tol=-2).fit(X, y)


def test_a_derived_class_with_parameters_of_its_own():
    class Named(MLPScratchClassifier):
        def __init__(self, name=None, hidden_layer_sizes=3, *, max_iter=500, tol=0.01):
            self.name = name
            super().__init__(hidden_layer_sizes=hidden_layer_sizes, max_iter=max_iter, tol=tol)

    assert Named(name="n").fit(X, y).name == "n"
    with pytest.raises(InvalidParameterError, match="'max_iter' parameter of Named"):
        Named(max_iter=0).fit(X, y)


@pytest.mark.parametrize("solver", [["sgd"], None, 5, {"sgd": 1}])
def test_solver_that_is_no_string_has_no_partial_fit(solver):
    assert not hasattr(small(solver=solver), "partial_fit")


def test_a_wrong_solver_is_told_all_solvers_in_one_list():
    with pytest.raises(InvalidParameterError) as caught:
        small(solver="adamm").fit(X, y)
    (listed,) = re.findall("{(.*?)}", str(caught.value))
    assert set(re.findall(r"'(\w+)'", listed)) == {*SOLVERS, "lbfgs"}
