import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, huber, log_softmax, softmax
from sklearn.metrics import (
    accuracy_score,
    d2_absolute_error_score,
    d2_tweedie_score,
    log_loss,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
    r2_score,
)

from sknn_scratch.engine.losses import (
    LOSSES,
    REGRESSION_LOSSES,
    GammaLoss,
    HuberLoss,
    PoissonLoss,
    QuantileLoss,
    TweedieLoss,
)

from ..loss_targets import draw_targets

EPS = np.finfo(np.float64).eps
STEP = 2.0**-10

every_loss = pytest.mark.parametrize("name", LOSSES)
every_classification_loss = pytest.mark.parametrize(
    "name", [name for name, loss in LOSSES.items() if hasattr(loss, "classify")]
)

# Where |z - y| makes the derivative, or that of the derivative, jump
KINKS = {"absolute_error": 0.0, "quantile": 0.0, "huber": 1.0}
PREDICTIONS = {
    "softmax": lambda raw: softmax(raw, axis=-1),
    "logistic": expit,
    "identity": lambda raw: raw,
    "exp": np.exp,
}


def targets(name, shape, seed=0):
    return draw_targets(name, np.random.default_rng(seed), *shape)


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
        # The five-point rule errs by STEP^4 f'''''/30, where f''''' <= exp(6) = 400 (of gamma y
        # times that), and by 1.5 eps / STEP times the terms of f, which are larger than f by
        # 4 y log(y) <= 200 at most.
        steepest = 400 * y.max() if name == "gamma" else 400
        tolerance = steepest * STEP**4 / 30 + 4 * EPS * (200 + np.abs(values)) / STEP
        errors = np.abs(gradient[:, k] - differences)
        if name in KINKS:
            to_kink = np.abs(np.abs(raw[:, k] - y[:, k]) - KINKS[name])
            errors[to_kink <= 2 * STEP] = 0
        assert np.all(errors <= tolerance)


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
    "absolute_error": lambda raw, y: raw.shape[1] * mean_absolute_error(y, raw),
    "quantile": lambda raw, y: raw.shape[1] * mean_pinball_loss(y, raw, alpha=0.5),
    "huber": lambda raw, y: huber(1.0, raw - y).sum(axis=1).mean(),
    "log_cosh": lambda raw, y: np.log(np.cosh(raw - y)).sum(axis=1).mean(),
    "gamma": lambda raw, y: tweedie_deviance(raw, y, 2) / 2,
    "tweedie": lambda raw, y: tweedie_deviance(raw, y, 1.5) / 2,
}


def tweedie_deviance(raw, y, power):
    columns = zip(y.T, np.exp(raw).T, strict=True)
    return sum(mean_tweedie_deviance(of_y, means, power=power) for of_y, means in columns)


def test_every_loss_has_an_oracle():
    assert set(ORACLES) == set(LOSSES)


@pytest.mark.parametrize("name", ORACLES)
def test_mean_is_scikit_learns(name):
    raw, y = example(name)
    # log(1 / (1 + exp(-z))) has lost exp(|z|) eps, and |z| < 10 here
    expected = pytest.approx(ORACLES[name](raw, y), rel=np.exp(10) * EPS)
    assert LOSSES[name]().value(raw, y).mean() == expected


@pytest.mark.parametrize(
    ("loss", "oracle"),
    [
        *[
            (QuantileLoss(q), lambda raw, y, q=q: 3 * mean_pinball_loss(y, raw, alpha=q))
            for q in (0.05, 0.9)
        ],
        *[
            (HuberLoss(d), lambda raw, y, d=d: huber(d, raw - y).sum(axis=1).mean())
            for d in (1e-3, 0.3, 1e3)
        ],
        *[
            (TweedieLoss(p), lambda raw, y, p=p: tweedie_deviance(raw, y, p) / 2)
            for p in (1, 1.2, 1.5, 1.9, 2, 3)
        ],
    ],
)
def test_mean_is_scikit_learns_for_each_parameter(loss, oracle):
    raw, y = example("gamma" if loss.out_activation == "exp" else "huber", scale=1.0)
    # Terms of up to 10, divided by 1 - p or 2 - p and by means that may be a hundred times smaller
    assert loss.value(raw, y).mean() == pytest.approx(oracle(raw, y), rel=1e3 * EPS)
    steps = 1e-5 * np.eye(3)
    found = [(loss.value(raw + h, y) - loss.value(raw - h, y)) / 2e-5 for h in steps]
    gradient = raw.copy()
    loss.value_and_gradient(gradient, y)
    # Differences err by 1e-10 times a third derivative, and by eps / 1e-5 times the loss
    bound = 1e-8 * max(1, np.abs(gradient).max())
    assert_allclose(np.transpose(found), gradient, rtol=0, atol=bound)


def test_log_loss_is_minus_log_softmax():
    raw, y = example("log_loss", scale=100)
    expected = -log_softmax(raw, axis=-1)[y == 1]
    value, _ = value_and_gradient("log_loss", raw, y)
    assert_allclose(value, expected, rtol=4 * EPS, atol=4 * EPS)


@pytest.mark.parametrize("name", ["log_loss", "binary_log_loss", "poisson"])
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
    high = 80 if LOSSES[name].out_activation == "exp" else 1e4
    low = -80 if name in ("gamma", "tweedie") else -1e4  # these divide by the mean
    raw = np.array([[low, high], [high, low], [low, low], [high, high]], dtype)
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


@pytest.mark.parametrize("name", ["squared_error", "poisson"])
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


# scikit-learn takes the quantiles of weighted samples, and of single targets, by other rules
D2_ORACLES = {
    "absolute_error": lambda raw, y, weight: d2_absolute_error_score(y, raw, sample_weight=weight),
    "gamma": lambda raw, y, weight: d2_tweedie(raw, y, weight, power=2),
    "tweedie": lambda raw, y, weight: d2_tweedie(raw, y, weight, power=1.5),
}


def d2_tweedie(raw, y, weight, power):
    of_each = [
        d2_tweedie_score(y[:, k], np.exp(raw[:, k]), sample_weight=weight, power=power)
        for k in range(y.shape[1])
    ]
    return np.mean(of_each)


@pytest.mark.parametrize("name", D2_ORACLES)
@pytest.mark.parametrize("weighted", [False, True])
def test_mean_score_is_scikit_learns_d2(name, weighted):
    raw, y = example(name, scale=1.0)
    weight = np.random.default_rng(4).integers(0, 3, 50).astype(float) if weighted else None
    expected = D2_ORACLES[name](raw, y, weight)
    assert LOSSES[name]().mean_score(raw, y, weight) == pytest.approx(expected, rel=1e3 * EPS)


DEVIANCES = {
    **{name: loss() for name, loss in REGRESSION_LOSSES.items() if loss().score_name == "d2"},
    "quantile 0.9": QuantileLoss(0.9),
    "huber 0.1": HuberLoss(0.1),
    "tweedie 3": TweedieLoss(3),
}


@pytest.mark.parametrize("name", DEVIANCES)
@pytest.mark.parametrize("weighted", [False, True])
def test_d2_of_the_best_constant_is_zero_and_of_all_others_less(name, weighted):
    loss, rng = DEVIANCES[name], np.random.default_rng(3)
    y = draw_targets("gamma" if loss.out_activation == "exp" else "huber", rng, 31, 1)
    weight = rng.integers(0, 3, 31).astype(float) if weighted else None
    grid = np.linspace(y.min(), y.max(), 201)
    grid = np.log(grid) if loss.out_activation == "exp" else np.union1d(grid, y)
    scores = [loss.mean_score(np.full((31, 1), z), y, weight) for z in grid]
    assert max(scores) <= 1e-12  # rounding of a ratio near one, and of the constant
    assert max(scores) > -1e-3  # the grid is that fine
    loss = copy.copy(loss)
    loss.remember_targets(y, weight)
    raw = rng.normal(size=(31, 1))
    of_each = np.average(loss.score(raw, y), weights=weight)
    assert of_each == pytest.approx(loss.mean_score(raw, y, weight), rel=1e-12)


@pytest.mark.parametrize("name", DEVIANCES)
def test_d2_of_a_target_that_does_not_vary(name):
    loss = copy.copy(DEVIANCES[name])
    y = np.full((20, 2), 0.1)
    exact = np.log(y) if loss.out_activation == "exp" else y
    loss.remember_targets(y, np.full(20, 0.3))
    assert_array_equal(loss.error_of_constant, [[0, 0]])
    assert loss.mean_score(exact + 0.2, y, None) == 0
    y[:, 1] = np.where(np.arange(20) == 5, 7, 0.1)  # varies only where there is no weight
    loss.remember_targets(y, (y[:, 1] == 0.1) * 0.3)
    assert_array_equal(loss.error_of_constant, [[0, 0]])


@pytest.mark.parametrize("spread", [1e-200, 1e-8, 1e8, 1e200])
@pytest.mark.parametrize("name", ["huber", "log_cosh"])
def test_best_constant_of_errors_of_any_size(name, spread):
    y = spread * np.random.default_rng(0).standard_cauchy((101, 2))
    found = LOSSES[name]().constants(y, None)
    # Of far smaller errors than delta it is the mean, of far larger ones the median
    middle = (np.mean if spread < 1 else np.median)(y, axis=0)
    assert_allclose(found, middle, rtol=1e-6, atol=1e-6 * spread)


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
    fault = (
        "needs y >= 0, but y has values down to -0.5: use loss='squared_error'. If you scale y, do "
        "not centre it."
    )
    assert LOSSES["poisson"]().fault_of_targets(y) == fault
    assert LOSSES["poisson"]().fault_of_targets(abs(y)) is None
    assert LOSSES["squared_error"]().fault_of_targets(y) is None


@pytest.mark.parametrize(
    ("loss", "smallest", "rule"),
    [
        (GammaLoss(), 0.0, "needs y > 0, but y has values down to 0.0: use loss='tweedie'"),
        (TweedieLoss(1.2), -0.5, "needs y >= 0, but y has values down to -0.5: use"),
        (
            TweedieLoss(2),
            0.0,
            "with power=2 needs y > 0, but y has values down to 0.0: use a power",
        ),
        (TweedieLoss(3), 0.0, "with power=3 needs y > 0, but y has values down to 0.0"),
    ],
)
def test_which_targets_a_deviance_allows(loss, smallest, rule):
    y = np.array([[1.0, 2.0], [smallest, 3.0]])
    assert loss.fault_of_targets(y).startswith(rule)
    assert loss.fault_of_targets(y + 0.6) is None
    assert TweedieLoss(1.9).fault_of_targets(np.zeros((2, 2))) is None


def test_large_errors_and_small_ones():
    r = np.array([[-1e300], [-800.0], [-1e-4], [0.0], [1e-4], [800.0], [1e300]])
    value, slope = value_and_gradient("log_cosh", r, np.zeros((7, 1)))
    large = np.abs(r[:, 0]) - np.log(2)
    small = [5e-9, 0, 5e-9]  # r^2 / 2, known to eps |r|
    assert_allclose(value, [*large[:2], *small, *large[5:]], rtol=1e-8)
    assert_allclose(slope, np.tanh(r), rtol=8 * EPS)
    for name, expected in {"absolute_error": np.sign(r), "huber": np.clip(r, -1, 1)}.items():
        assert_array_equal(value_and_gradient(name, r, np.zeros((7, 1)))[1], expected)


@pytest.mark.parametrize(("near", "loss"), [(1, PoissonLoss()), (2, GammaLoss())])
@pytest.mark.parametrize("distance", [0, 5e-16, 1e-9, 1e-4])
def test_tweedie_near_whole_powers_keeps_its_digits(near, loss, distance):
    raw, y = example("gamma", scale=1.0)
    expected = loss.value(raw, y)
    below = [] if near == 1 else [near - distance]
    found = [TweedieLoss(power).value(raw, y) for power in [*below, near + distance]]
    # The deviance changes with p by itself times logarithms of y and m, of up to 5
    for values in found:
        assert_allclose(values, expected, rtol=10 * distance, atol=1e3 * EPS)


def test_zeros_cost_nothing_where_the_mean_is_all_but_zero():
    # y m^(1 - p) is 0 there, also where m^(1 - p) overflows
    for power in (1, 1.5, 1.9):
        gradient = np.array([[-1e6]])
        value = TweedieLoss(power).value_and_gradient(gradient, np.zeros((1, 1)))
        assert value == gradient == 0


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
    if name == "gamma":
        scale *= y.max()
    assert_allclose(value, expected, rtol=0, atol=8 * scale * np.finfo(np.float32).eps)
    assert_allclose(gradient, expected_gradient, rtol=0, atol=scale * np.finfo(np.float32).eps)
