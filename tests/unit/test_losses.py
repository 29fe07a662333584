import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)

from sknn_scratch.engine.losses import LOSSES, REGRESSION_LOSSES

EPS = np.finfo(np.float64).eps
STEP = 2.0**-10

every_loss = pytest.mark.parametrize("name", LOSSES)
every_classification_loss = pytest.mark.parametrize(
    "name", [name for name, loss in LOSSES.items() if hasattr(loss, "classify")]
)

# Targets of the kind that belongs to an output function, drawn at random.
TARGETS = {
    "softmax": lambda rng, n, k: np.eye(k)[rng.integers(k, size=n)],
    "logistic": lambda rng, n, k: rng.integers(2, size=(n, k)).astype(float),
    "identity": lambda rng, n, k: rng.normal(size=(n, k)),
    "exp": lambda rng, n, k: rng.poisson(2.0, size=(n, k)).astype(float),
}
PREDICTIONS = {
    "softmax": lambda raw: softmax(raw, axis=-1),
    "logistic": expit,
    "identity": lambda raw: raw,
    "exp": np.exp,
}


def targets(name, shape, seed=0):
    return TARGETS[LOSSES[name].out_activation](np.random.default_rng(seed), *shape)


@st.composite
def raw_and_seed(draw):
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    scores = st.floats(-6, 6, allow_subnormal=False)
    return draw(arrays(np.float64, shape, elements=scores)), draw(st.integers(0, 99))


def value_and_gradient(name, raw, y):
    gradient = raw.copy()
    return LOSSES[name]().value_and_gradient(gradient, y), gradient


def predicted(name, raw):
    prediction = raw.copy()
    LOSSES[name]().predict(prediction)
    return prediction


@every_loss
@given(raw_and_seed())
def test_gradient_is_that_of_differences(name, drawn):
    raw, seed = drawn
    loss, y = LOSSES[name](), targets(name, raw.shape, seed)
    values, gradient = value_and_gradient(name, raw, y)
    for k, column in enumerate(np.eye(raw.shape[-1])):
        near, far = (
            loss.value(raw + step * column, y) - loss.value(raw - step * column, y)
            for step in (STEP, 2 * STEP)
        )
        differences = (8 * near - far) / (12 * STEP)
        # The five-point rule errs by STEP^4 f'''''/30, where f''''' <= exp(6) = 400, and by
        # 1.5 eps / STEP times the terms of f, which are larger than f by 4 y log(y) <= 200 at most.
        tolerance = 400 * STEP**4 / 30 + 4 * EPS * (200 + np.abs(values)) / STEP
        assert np.all(np.abs(gradient[:, k] - differences) <= tolerance)


@every_loss
@given(raw_and_seed())
def test_value_is_that_of_value_and_gradient_and_keeps_its_arguments(name, drawn):
    raw, seed = drawn
    y = targets(name, raw.shape, seed)
    raw_before, y_before = raw.copy(), y.copy()
    alone = LOSSES[name]().value(raw, y)
    assert_array_equal(raw, raw_before)
    together, _ = value_and_gradient(name, raw, y)
    assert_array_equal(y, y_before)
    assert alone.shape == together.shape == raw.shape[:-1]
    # Different orders of summation, of terms up to exp(6) = 400 in 4 columns
    assert_allclose(alone, together, rtol=0, atol=8 * 400 * EPS)


@every_loss
@given(raw_and_seed())
def test_is_zero_or_more_and_each_sample_is_treated_alone(name, drawn):
    raw, seed = drawn
    y = targets(name, raw.shape, seed)
    value, gradient = value_and_gradient(name, raw, y)
    assert np.all(value >= -400 * EPS)  # rounding of terms up to exp(6) = 400
    for i in range(len(raw)):
        value_i, gradient_i = value_and_gradient(name, raw[i][None], y[i][None])
        # A vector instruction or none: last digits may differ.
        assert_allclose(value_i[0], value[i], rtol=0, atol=8 * 400 * EPS)
        assert_allclose(gradient_i[0], gradient[i], rtol=8 * EPS, atol=8 * EPS)


@every_loss
@given(raw_and_seed())
def test_predict_works_in_place(name, drawn):
    raw, _ = drawn
    expected = PREDICTIONS[LOSSES[name].out_activation](raw)
    assert LOSSES[name]().predict(raw) is None
    assert_allclose(raw, expected, rtol=16 * EPS)  # scipy shifts and sums in another order


def example(name, n=50, k=3, scale=3.0):
    return np.random.default_rng(1).normal(0, scale, (n, k)), targets(name, (n, k), seed=2)


# What scikit-learn and scipy know of these losses: functions of raw scores and targets.
ORACLES = {
    "log_loss": lambda raw, y: log_loss(y, softmax(raw, axis=-1)),
    "binary_log_loss": lambda raw, y: sum(
        log_loss(y[:, k], expit(raw[:, k])) for k in range(raw.shape[1])
    ),
    "squared_error": lambda raw, y: raw.shape[1] * mean_squared_error(y, raw) / 2,
    "poisson": lambda raw, y: sum(
        mean_poisson_deviance(y[:, k], np.exp(raw[:, k])) / 2 for k in range(raw.shape[1])
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_mean_is_scikit_learns(name):
    raw, y = example(name)
    # log(1 / (1 + exp(-z))) has lost exp(|z|) eps, and |z| < 10 here
    expected = pytest.approx(ORACLES[name](raw, y), rel=np.exp(10) * EPS)
    assert LOSSES[name]().value(raw, y).mean() == expected


def test_log_loss_is_minus_log_softmax():
    raw, y = example("log_loss", scale=100)
    expected = -log_softmax(raw, axis=-1)[y == 1]
    value, _ = value_and_gradient("log_loss", raw, y)
    assert_allclose(value, expected, rtol=4 * EPS, atol=4 * EPS)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "squared_error"])
def test_gradient_is_prediction_minus_target(name):
    raw, y = example(name)
    expected = PREDICTIONS[LOSSES[name].out_activation](raw) - y
    _, gradient = value_and_gradient(name, raw, y)
    assert_allclose(gradient, expected, rtol=32 * EPS, atol=4 * EPS)


@given(raw_and_seed(), st.floats(-1e3, 1e3))
def test_log_loss_does_not_see_a_shift(drawn, shift):
    raw, seed = drawn
    y = targets("log_loss", raw.shape, seed)
    value, gradient = value_and_gradient("log_loss", raw, y)
    shifted_value, shifted_gradient = value_and_gradient("log_loss", raw + shift, y)
    # raw + shift is rounded by eps |raw + shift| / 2, and the loss has slopes up to 1 in two scores
    assert_allclose(shifted_value, value, rtol=0, atol=2e3 * EPS)
    assert_allclose(shifted_gradient, gradient, rtol=0, atol=2e3 * EPS)


@every_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_give_finite_numbers(name, dtype):
    # The mean itself overflows where it is exp(z), in float32 near z = 88.
    largest = 80 if LOSSES[name].out_activation == "exp" else 1e4
    raw = np.array([[-1e4, largest], [largest, -1e4], [-1e4, -1e4], [largest, largest]], dtype)
    for seed in range(4):
        y = targets(name, raw.shape, seed).astype(dtype)
        value, gradient = value_and_gradient(name, raw, y)
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()
        assert np.isfinite(predicted(name, raw)).all()
        assert_allclose(LOSSES[name]().value(raw, y), value, rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss"])
def test_extreme_scores_cost_as_much_as_they_are_wrong_by(name):
    raw, y = np.array([[-1e4, 1e4]]), np.array([[1.0, 0.0]])
    assert_array_equal(LOSSES[name]().value(raw, y), [2e4])
    assert_array_equal(LOSSES[name]().value(raw, 1 - y), [0])
    assert_array_equal(value_and_gradient(name, raw, y)[1], [[-1, 1]])


def test_poisson_of_a_mean_that_underflows():
    # y log(y / m) - y + m with y = 2 and m = exp(-1000), which is 0 in double precision
    value, gradient = value_and_gradient("poisson", np.array([[-1e3]]), np.array([[2.0]]))
    assert_allclose(value, [2 * np.log(2) + 2000 - 2], rtol=2 * EPS)
    assert_array_equal(gradient, [[-2]])


@every_classification_loss
@pytest.mark.parametrize("k", [1, 2, 4])
def test_hits_and_classify_agree_with_accuracy_score(name, k):
    raw, y = example(name, k=k)
    loss = LOSSES[name]()
    classes = loss.classify(raw)
    expected = classes if classes.ndim == 2 else np.eye(k)[classes]
    hits = loss.score(raw, y)
    assert hits.shape == (50,)
    assert hits.mean() == pytest.approx(accuracy_score(y, expected), rel=4 * EPS)
    assert hits.any()
    assert_array_equal(loss.score(raw, expected), np.ones(50))


@every_classification_loss
def test_classify_chooses_what_is_more_probable_than_not_or_most_probable(name):
    raw, _ = example(name)
    probabilities = predicted(name, raw)
    classes = LOSSES[name]().classify(raw)
    expected = probabilities > 0.5 if classes.ndim == 2 else probabilities.argmax(axis=1)
    assert_array_equal(classes, expected)


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if not hasattr(loss, "classify")])
def test_there_is_no_score_in_regression_before_targets_are_seen(name):
    assert LOSSES[name]().score(*example(name)) is None


@every_classification_loss
@pytest.mark.parametrize("k", [1, 3])
def test_mean_score_of_classes_is_accuracy_score(name, k):
    raw, y = example(name, k=k)
    weight = np.random.default_rng(4).uniform(0, 2, 50)
    loss = LOSSES[name]()
    classes = loss.classify(raw)
    expected = classes if classes.ndim == 2 else np.eye(k)[classes]
    score = loss.mean_score(raw, y, weight)
    assert score == pytest.approx(accuracy_score(y, expected, sample_weight=weight), rel=50 * EPS)


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtypes", ["ddd", "fff", "ffd"])
def test_mean_score_of_numbers_is_r2_score_to_the_bit(name, weighted, dtypes):
    raw, y = example(name, k=4)
    weight = np.random.default_rng(4).uniform(0, 2, 50)
    raw, y, weight = map(np.astype, (raw, y, weight), dtypes)
    weight = weight if weighted else None
    loss = LOSSES[name]()
    y[:, 1] = 3  # does not vary, and is not met
    means = raw.copy()
    loss.predict(means)
    y[:, 2] = means[:, 2]  # is met
    y[:, 3], raw[:, 3] = means[0, 3], raw[0, 3]  # both
    loss.predict(means := raw.copy())
    expected = r2_score(y, means, sample_weight=weight)
    assert loss.mean_score(raw, y, weight) == expected


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_mean_score_of_too_little_or_too_much(name):
    raw, y = example(name)
    assert np.isnan(LOSSES[name]().mean_score(raw[:1], y[:1], None))
    raw[0] = np.inf
    assert LOSSES[name]().mean_score(raw, y, None) == -np.inf


@every_loss
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_constant_scores_better_than_the_best_one_and_its_spread_is_zero(name, k, weighted):
    _, y = example(name, k=k)
    weight = np.random.default_rng(4).uniform(0, 2, 50) if weighted else None
    loss = LOSSES[name]()
    best = -np.inf
    for row in np.random.default_rng(5).normal(0, 3, (200, k)):
        raw = np.tile(row, (50, 1))
        # 50 equal numbers and their mean, exponentials of which go up to exp(10)
        assert loss.spread(raw, y) <= 50 * EPS * np.exp(10)
        best = max(best, loss.mean_score(raw, y, weight))
    bound = loss.score_of_constant(y, weight)
    # Of several labels no more is known than a bound
    several_labels = name == "binary_log_loss" and k > 1
    assert best <= bound + 50 * EPS
    if name not in REGRESSION_LOSSES and not several_labels:
        assert best == pytest.approx(bound, rel=50 * EPS)


def test_spread_is_in_standard_deviations():
    raw, y = example("squared_error", k=1)
    assert LOSSES["squared_error"]().spread(3 * y, y) == pytest.approx(3, rel=50 * EPS)
    assert LOSSES["binary_log_loss"]().spread(raw, y) == pytest.approx(raw.std(), rel=50 * EPS)
    scores = np.repeat(raw, 3, axis=1)  # a number of its own for each sample changes nothing
    assert LOSSES["log_loss"]().spread(scores, y) <= 50 * EPS * np.abs(raw).max()


def test_which_targets_are_allowed():
    y = np.array([[0.0, 2.0], [1.0, -0.5]])
    fault = "needs y >= 0, but y has values down to -0.5: use loss='squared_error'."
    assert LOSSES["poisson"]().fault_of_targets(y) == fault
    assert LOSSES["poisson"]().fault_of_targets(abs(y)) is None
    assert LOSSES["squared_error"]().fault_of_targets(y) is None


@every_loss
def test_reported_is_the_sum_but_for_the_squared_error(name):
    expected = 2.25 if name == "squared_error" else 6.25
    assert LOSSES[name]().reported(6.0, 0.25, n_outputs=3) == expected


@every_classification_loss
def test_smoothed_labels_are_distributions(name):
    _, y = example(name)
    smoothed = LOSSES[name]().smoothed(y, 0.3)
    n_values = 3 if name == "log_loss" else 2
    assert_allclose(smoothed[y == 1], 0.7 + 0.3 / n_values, rtol=4 * EPS)
    assert_allclose(smoothed[y == 0], 0.3 / n_values, rtol=4 * EPS)


@every_loss
def test_float32_is_kept(name):
    raw, y = (array.astype(np.float32) for array in example(name))
    value, gradient = value_and_gradient(name, raw, y)
    assert value.dtype == LOSSES[name]().value(raw, y).dtype == np.float32
    expected, expected_gradient = value_and_gradient(name, raw.astype(float), y.astype(float))
    # sums of a few terms each of a size of up to exp(|z|), |z| < 10
    scale = np.exp(10) if LOSSES[name].out_activation == "exp" else 100
    assert_allclose(value, expected, rtol=0, atol=8 * scale * np.finfo(np.float32).eps)
    assert_allclose(gradient, expected_gradient, rtol=0, atol=scale * np.finfo(np.float32).eps)
