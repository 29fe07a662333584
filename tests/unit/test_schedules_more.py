"""Schedules of every solver, the search for a step, and Nesterov's method with restarts."""

import warnings
from math import cos, pi
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, reference
from sknn_scratch.engine.objective import Value
from sknn_scratch.engine.schedules import SCHEDULES, Backtracking, ByEpoch
from sknn_scratch.engine.solvers import SOLVERS, GradientDescent, Nesterov
from sknn_scratch.engine.training import Optimizer, train

X, Y = load_iris(return_X_y=True)
X = scale(X)
MAX_ITER = 12
# Whatever the plateau rule, so that all epochs are made
ALL = {"tol": 0.0, "n_iter_no_change": np.inf, "max_iter": MAX_ITER, "random_state": 0}


def fitted(model, X=X, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def assert_same_weights(model, other, rtol=0.0):
    arrays = zip(model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    for mine, yours in arrays:
        np.testing.assert_allclose(mine, yours, rtol=rtol, atol=rtol)


# The formulas: the step at `t` of `n` epochs, t a real number


def constant(t, n):
    return 0.02


def cosine(t, n):
    return 0.02 * 0.5 * (1 + cos(pi * t / n))


def one_cycle(t, n):
    def between(a, b, part):
        return a + (b - a) * (1 - cos(pi * part)) / 2

    if t / n < 0.3:
        return between(0.02 / 25, 0.02, t / n / 0.3)
    return between(0.02, 0.02 / 250_000, (t / n - 0.3) / 0.7)


FORMULAS = {"constant": constant, "cosine": cosine, "one_cycle": one_cycle}


@pytest.mark.parametrize("warmup", [0, 3, 2.5])
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_step_is_that_of_the_formula(solver, name, warmup):
    """At the middle of the last of the batches of an epoch; of 150 samples in tens, 14.5 / 15."""
    model = MLPScratchClassifier(
        4, solver=solver, learning_rate=name, learning_rate_init=0.02, warmup_epochs=warmup,
        batch_size=10, **ALL
    )  # fmt: skip
    found = fitted(model).history_["learning_rate"]
    middle = 0.5 if SOLVERS[solver].full_batch else 14.5 / 15
    times = np.arange(MAX_ITER) + middle
    expected = [
        FORMULAS[name](t, MAX_ITER) * (min(1.0, t / warmup) if warmup else 1.0) for t in times
    ]
    # t is a sum of fifteen shares
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_step_is_taken_and_not_only_reported(solver, name):
    """With one batch per epoch a schedule is a function of the epoch."""
    model = MLPScratchClassifier(4, solver=solver, learning_rate_init=0.02, batch_size=150, **ALL)
    named = clone(model).set_params(learning_rate=name, warmup_epochs=4)

    def by_epoch(epoch):
        return FORMULAS[name](epoch + 0.5, MAX_ITER) * min(1.0, (epoch + 0.5) / 4)

    given = clone(model).set_params(learning_rate=by_epoch)
    assert_same_weights(fitted(named), fitted(given), rtol=1e-11)  # twelve steps of rounding


def test_a_function_is_called_with_the_number_of_epochs_done():
    seen = []

    def step(epoch):
        seen.append(epoch)
        return 0.1 / (1 + epoch)

    model = MLPScratchClassifier(4, solver="sgd", learning_rate=step, batch_size=50, **ALL)
    fitted(model)
    assert seen == [epoch for epoch in range(MAX_ITER) for _ in range(3)]
    assert all(type(epoch) is int for epoch in seen)
    expected = [0.1 / (1 + epoch) for epoch in range(MAX_ITER)]
    assert model.history_["learning_rate"] == expected


def test_a_function_gives_the_steps_of_gradient_descent():
    """By hand: p <- p - step(k) grad F(p), the gradient by loops over the samples."""
    steps = [0.3, 0.05, 0.2]
    model = MLPScratchClassifier(3, "tanh", solver="gd", learning_rate=steps.__getitem__)
    model.set_params(alpha=0.1, random_state=0)
    first = clone(model).set_params(learning_rate=lambda epoch: 0.0)
    by_hand = first.partial_fit(X, Y, classes=[0, 1, 2])
    for step in steps:
        _, dW, db = reference.objective_and_gradient(by_hand, X, Y)
        for p, slope in zip(by_hand.coefs_ + by_hand.intercepts_, dW + db, strict=True):
            p -= step * slope
    for _ in steps:
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert_same_weights(model, by_hand, rtol=1e-12)  # three steps, sums over 150 samples


@pytest.mark.parametrize("solver", ["sgd", "gd", "nag"])
def test_invscaling_and_adaptive_warm_up(solver):
    base = MLPScratchClassifier(4, solver=solver, learning_rate_init=0.02, warmup_epochs=4, **ALL)
    model = clone(base).set_params(learning_rate="invscaling", batch_size=150, power_t=0.3)
    found = fitted(model).history_["learning_rate"]
    times = np.arange(MAX_ITER)
    expected = 0.02 / (1 + 150 * times) ** (0.3 * (times > 0)) * np.minimum(1, (times + 0.5) / 4)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    model = clone(base).set_params(learning_rate="adaptive", batch_size=150, warmup_epochs=0)
    found = fitted(model.set_params(tol=10.0, n_iter_no_change=1)).history_["learning_rate"]
    # The first epoch is the best; two more are one too many, then again two
    np.testing.assert_allclose(found[:7], 0.02 / 5.0 ** np.array([0, 0, 0, 1, 1, 2, 2]), rtol=1e-13)


@pytest.mark.parametrize("name", ["cosine", "one_cycle", lambda epoch: 0.1 / (1 + epoch)])
def test_resumed_and_repeated_training_go_on_with_the_schedule(name):
    model = MLPScratchClassifier(4, solver="sgd", learning_rate=name, shuffle=False, **ALL)
    whole = fitted(clone(model))
    epochs = clone(model)
    for _ in range(MAX_ITER):
        epochs.partial_fit(X, Y, classes=[0, 1, 2])
    assert epochs.history_["learning_rate"] == whole.history_["learning_rate"]
    assert_same_weights(epochs, whole)


def stop_after_five(history):
    return len(history["loss"]) == 5


@pytest.mark.parametrize("name", ["cosine", "one_cycle", "invscaling"])
def test_training_stopped_by_a_rule_goes_on_with_the_schedule(name):
    model = MLPScratchClassifier(4, solver="sgd", learning_rate=name, warm_start="resume", **ALL)
    whole = fitted(clone(model))
    parts = fitted(clone(model).set_params(stop_when=stop_after_five))
    fitted(parts.set_params(max_iter=MAX_ITER - 5, stop_when=None))
    assert parts.history_["learning_rate"] == whole.history_["learning_rate"]
    assert_same_weights(parts, whole)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", ["l1", "group_l1"])
def test_a_step_of_zero_leaves_the_weights(solver, penalty):
    """The cosine is zero in every epoch after the last of `max_iter`."""
    model = MLPScratchClassifier(4, solver=solver, learning_rate="cosine", **ALL | {"max_iter": 2})
    model.set_params(**{penalty: 1e-3}, momentum=0.0)
    for _ in range(2):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    before = [p.copy() for p in model.coefs_ + model.intercepts_]
    model.partial_fit(X, Y, classes=[0, 1, 2])
    assert model.history_["learning_rate"][-1] == 0
    for p, kept in zip(model.coefs_ + model.intercepts_, before, strict=True):
        if solver != "nag":  # whose momentum goes on
            np.testing.assert_array_equal(p, kept)


# The search for a step

SEARCH = {"learning_rate": "backtracking", "learning_rate_init": 64.0}


def test_only_the_solvers_with_exact_gradients_search():
    names = [name for name, schedule in SCHEDULES.items() if schedule.is_line_search]
    assert names == ["backtracking"]
    for solver, cls in SOLVERS.items():
        model = MLPScratchClassifier(4, solver=solver, **SEARCH, **ALL)
        if cls.full_batch:
            fitted(model)
            continue
        for train_it in (model.fit, lambda X, y, m=model: m.partial_fit(X, y, classes=[0, 1, 2])):
            with pytest.raises(ValueError, match=f"learning_rate='backtracking'.*'{solver}'"):
                train_it(X, Y)


@pytest.mark.parametrize("dropout", [0.2, [0.1, 0.0]])
def test_no_search_with_dropout(dropout):
    model = MLPScratchClassifier(4, solver="gd", dropout=dropout, **SEARCH)
    with pytest.raises(ValueError, match=r"learning_rate='backtracking'.*dropout"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match=r"learning_rate='backtracking'.*dropout"):
        model.partial_fit(X, Y, classes=[0, 1, 2])


def smooth_part(model):
    """Return f and its gradient, l1 left out, at the weights of a model, in one vector."""
    value, dW, db = reference.objective_and_gradient(clone_with(model, l1=0.0), X, Y)
    return value, np.concatenate([array.ravel() for array in dW + db])


def clone_with(model, **params):
    other = clone(model).set_params(**params)
    fitted_state = {k: v for k, v in vars(model).items() if k not in model.get_params()}
    vars(other).update(fitted_state)
    return other


def flat(model):
    return np.concatenate([array.ravel() for array in model.coefs_ + model.intercepts_])


def moved(model, step):
    """Return a copy of the model after one step of ISTA by hand."""
    l1, p = model.l1, flat(model) - step * smooth_part(model)[1]
    n = sum(W.size for W in model.coefs_)
    p[:n] = np.sign(p[:n]) * np.maximum(np.abs(p[:n]) - step * l1, 0)
    other, start = clone_with(model), 0
    shapes = [array.shape for array in model.coefs_ + model.intercepts_]
    arrays = []
    for shape in shapes:
        size = int(np.prod(shape))
        arrays.append(p[start : start + size].reshape(shape))
        start += size
    other.coefs_, other.intercepts_ = arrays[: len(model.coefs_)], arrays[len(model.coefs_) :]
    return other


def bound_holds(model, step):
    """f(p) <= f(q) + g^T (p - q) + |p - q|^2 / (2 step)."""
    value, gradient = smooth_part(model)
    after = moved(model, step)
    d = flat(after) - flat(model)
    return smooth_part(after)[0] <= value + gradient @ d + d @ d / (2 * step) + 1e-13


@pytest.mark.parametrize("l1", [0.0, 0.02])
def test_accepted_steps_satisfy_the_inequality_and_doubles_do_not(l1):
    model = MLPScratchClassifier(3, "tanh", solver="gd", l1=l1, l2=0.01, random_state=0, **SEARCH)
    start = clone(model).set_params(learning_rate=lambda epoch: 0.0, solver="sgd", l1=0.0)
    before, step = clone_with(start.partial_fit(X, Y, classes=[0, 1, 2]), **model.get_params()), 64
    del before._optimizer
    model = clone_with(before)
    for _ in range(6):
        model.partial_fit(X, Y, classes=[0, 1, 2])
        accepted = model.history_["learning_rate"][-1]
        assert bound_holds(before, accepted)
        assert accepted == step or not bound_holds(before, 2 * accepted)
        # The same step by loops over samples and coordinates
        np.testing.assert_allclose(flat(model), flat(moved(before, accepted)), atol=1e-12)
        before, step = clone_with(model), accepted
        before.coefs_ = [W.copy() for W in model.coefs_]
        before.intercepts_ = [b.copy() for b in model.intercepts_]
    assert step < 64


@pytest.mark.parametrize("penalty", [{}, {"l1": 0.01}, {"group_l1": 0.02, "l2": 0.01}])
@pytest.mark.parametrize("solver", ["gd", "nag"])
def test_the_step_never_grows_and_is_halved(solver, penalty):
    model = MLPScratchClassifier(6, "softplus", solver=solver, **SEARCH, **penalty, **ALL)
    fitted(model.set_params(max_iter=150))
    rates = np.array(model.history_["learning_rate"])
    assert (np.diff(rates) <= 0).all()
    np.testing.assert_array_equal(np.log2(64 / rates) % 1, 0)
    losses = model.history_["loss"]
    assert losses[-1] < 0.5 * losses[0]
    if solver == "gd":
        assert (np.diff(losses) <= 1e-14).all()  # by sums over 150 samples, F about 1


def test_a_short_first_step_is_kept():
    model = MLPScratchClassifier(4, "tanh", solver="gd", **SEARCH | {"learning_rate_init": 1e-3})
    constant = clone(model).set_params(learning_rate="constant", **ALL)
    assert_same_weights(fitted(model.set_params(**ALL)), fitted(constant))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_search_keeps_the_dtype(dtype):
    model = MLPScratchClassifier(4, solver="nag", l1=0.01, restart=True, **SEARCH, **ALL)
    fitted(model, X.astype(dtype))
    assert {p.dtype for p in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}


def test_rounding_does_not_shorten_the_step():
    """In single precision the step is to be that of double precision, to a factor of a few."""
    model = MLPScratchClassifier(5, "tanh", solver="nag", learning_rate="backtracking")
    model.set_params(**ALL | {"max_iter": 1500}, learning_rate_init=1.0)
    double, single = (fitted(clone(model), X.astype(t)) for t in (np.float64, np.float32))
    assert single.history_["learning_rate"][-1] >= double.history_["learning_rate"][-1] / 8


def test_fista_with_a_search_reaches_the_optimum_of_saga():
    X, y = load_breast_cancer(return_X_y=True)
    X, l1, l2 = scale(X)[:150, :12], 0.02, 0.005
    y, n = y[:150], 150
    theirs = LogisticRegression(
        solver="saga", l1_ratio=l1 / (l1 + 2 * l2), C=1 / (n * (l1 + 2 * l2)), tol=1e-10,
        max_iter=100_000
    ).fit(X, y)  # fmt: skip
    model = MLPScratchClassifier((), solver="nag", restart=True, l1=l1, l2=l2, alpha=0.0)
    model.set_params(**SEARCH | ALL | {"max_iter": 2000})
    fitted(model, X, y)
    coefs = model.coefs_[0].ravel()
    np.testing.assert_array_equal(coefs == 0, theirs.coef_.ravel() == 0)
    assert 0 < np.count_nonzero(coefs) < 12
    # Strongly convex with 2 l2: both gradients are below 1e-8, and so distances below 1e-6
    np.testing.assert_allclose(coefs, theirs.coef_.ravel(), atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


# Restarts, on quadratics f = x^T A x / 2 - b^T x of the engine's own interface


class Vector:
    """The part of `Parameters` that a solver needs, without a network."""

    def __init__(self, flat):
        self.flat = flat
        self.weights_flat = flat

    def view(self, flat):
        return Vector(flat)

    def copy(self):
        return Vector(self.flat.copy())


class Quadratic:
    """x^T A x / 2 - b^T x + l1 |x|_1, A diagonal."""

    def __init__(self, A, b, l1=0.0):
        self.A, self.b, self.l1 = A, b, l1
        self.prox = self._prox if l1 else None

    def begin_epoch(self):
        """Nothing to do."""

    def value(self, params, batch):
        x = params.flat
        loss = (x * (0.5 * self.A * x - self.b)).sum(axis=-1)
        return Value(loss, self.nonsmooth_value(params), 0.0)

    def value_and_gradient(self, params, batch, grad):
        grad.flat[...] = self.A * params.flat - self.b
        return self.value(params, batch)

    def nonsmooth_value(self, params):
        return self.l1 * np.abs(params.flat).sum(axis=-1) if self.l1 else 0.0

    def _prox(self, x, step):
        x[...] = np.sign(x) * np.maximum(np.abs(x) - step * self.l1, 0)

    def __call__(self, x):
        return self.value(Vector(x), None).total


BATCHES = SimpleNamespace(n_samples=1, epoch=lambda: [SimpleNamespace(n_samples=1)])


def minimise(solver, objective, x, schedule, n_steps):
    """Return the iterates and the steps of a solver."""
    params, path, rates = Vector(x.copy()), [], []

    def on_epoch(epoch):
        path.append(params.flat.copy())
        rates.append(epoch.learning_rate)
        schedule.end_epoch(0)

    train(Optimizer(solver, schedule), objective, params, BATCHES, n_steps, on_epoch)
    return np.array(path), rates


def constant_step(step):
    return SCHEDULES["constant"](step, warmup_epochs=0)


def o_donoghue_candes(objective, x, step, n_steps):
    """Algorithm 1 of their paper with q = 0, restarted by the gradient scheme of section 3.2."""
    y, theta, path = x.copy(), 1.0, []
    for _ in range(n_steps):
        gradient = objective.A * y - objective.b
        x_next = y - step * gradient
        if objective.l1:
            objective._prox(x_next, step)
            gradient = (y - x_next) / step  # the generalised gradient
        if gradient @ (x_next - x) > 0:
            y, theta = x_next.copy(), 1.0
        else:
            theta_next = (-(theta**2) + (theta**4 + 4 * theta**2) ** 0.5) / 2
            beta = theta * (1 - theta) / (theta**2 + theta_next)
            y, theta = x_next + beta * (x_next - x), theta_next
        x = x_next
        path.append(x)
    return np.array(path)


def ill_conditioned(seed=0, l1=0.0):
    rng = np.random.default_rng(seed)
    A = np.logspace(-3, 0, 12)  # condition number 1000
    return Quadratic(A, A * rng.normal(size=12), l1), rng.normal(size=12)


@pytest.mark.parametrize("l1", [0.0, 1e-3])
def test_restart_is_the_scheme_of_o_donoghue_and_candes(l1):
    f, x = ill_conditioned(l1=l1)
    path, _ = minimise(Nesterov(restart=True), f, x, constant_step(1.0), 300)
    # Between restarts some fifty steps, in which rounding grows slowly
    np.testing.assert_allclose(path, o_donoghue_candes(f, x, 1.0, 300), rtol=1e-9, atol=1e-12)


def test_without_restart_it_is_the_scheme_without():
    f, x = ill_conditioned()
    path, _ = minimise(Nesterov(), f, x, constant_step(1.0), 60)
    t, y, before = 1.0, x.copy(), x
    for found in path:
        p = y - (f.A * y - f.b)
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        y, t, before = p + (t - 1) / t_next * (p - before), t_next, p
        np.testing.assert_allclose(found, p, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("l1", [0.0, 1e-3])
def test_restart_needs_fewer_iterations(l1):
    f, x = ill_conditioned(l1=l1)
    best = f(minimise(Nesterov(restart=True), f, x, constant_step(1.0), 5000)[0][-1])

    def n_steps(restart):
        path, _ = minimise(Nesterov(restart=restart), f, x, constant_step(1.0), 3000)
        values = np.array([f(p) for p in path])
        return np.flatnonzero(values - best > 1e-10)[-1] + 1  # from there on within 1e-10

    assert n_steps(restart=True) < 0.6 * n_steps(restart=False)


def test_restart_of_an_estimator_comes_nearer_to_the_optimum():
    model = MLPScratchClassifier((), solver="nag", learning_rate_init=0.3, l2=1e-2, alpha=0)
    model.set_params(**ALL | {"max_iter": 150})
    best = clone(model).set_params(solver="lbfgs", tol=1e-9, max_iter=1000).fit(X, Y).loss_
    plain, restarted = fitted(clone(model)), fitted(clone(model).set_params(restart=True))
    assert 0 <= restarted.loss_ - best < 0.1 * (plain.loss_ - best)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=str)
def test_the_search_finds_the_curvature_of_a_quadratic(solver):
    """Every step <= 1 / L is accepted; along the steepest eigenvector none that is longer."""
    f = Quadratic(np.array([5.0, 1e-9]), np.zeros(2))
    _, rates = minimise(solver, f, np.array([1.0, 0.0]), Backtracking(1.0, warmup_epochs=0), 3)
    assert rates == [0.125] * 3  # the first of 1, 1/2, 1/4, ... that is at most 1/5


def test_nag_searches_at_the_point_of_its_gradient():
    """The bound at q, recomputed from the iterates: q_k = p_k + m_k (p_k - p_{k-1})."""
    f, x = ill_conditioned(seed=3)
    path, rates = minimise(Nesterov(), f, x, Backtracking(50.0, warmup_epochs=0), 40)
    q, p, t = x, x, 1.0
    for found, step in zip(path, rates, strict=True):
        gradient = f.A * q - f.b
        np.testing.assert_allclose(found, q - step * gradient, rtol=1e-9, atol=1e-12)
        assert f(found) <= f(q) - step / 2 * gradient @ gradient + 1e-13
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        q, p, t = found + (t - 1) / t_next * (found - p), found, t_next


def test_a_function_is_a_schedule_like_the_others():
    f, x = ill_conditioned()
    path, rates = minimise(
        GradientDescent(), f, x, ByEpoch(0.0, warmup_epochs=0, function=lambda k: 1 / (k + 2)), 5
    )
    assert rates == [1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]
    for p, rate in zip(path, rates, strict=True):
        x = x - rate * (f.A * x - f.b)
        np.testing.assert_allclose(p, x, rtol=1e-13)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_plateau_is_adaptive_for_every_solver(solver):
    params = {"solver": solver, "tol": 10.0, "n_iter_no_change": 1, "max_iter": 7}
    params |= {"learning_rate_init": 0.05, "random_state": 0}
    model = MLPScratchClassifier(4, learning_rate="plateau", **params).fit(X, Y)
    # two stale epochs after the first, then two more each time
    steps = 0.05 / 5.0 ** np.array([0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(model.history_["learning_rate"], steps, rtol=1e-14)
