"""What users do with an estimator: the stories that the cases tell."""

import pickle

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_selection import MLPGridSearchCV, MLPRandomizedSearchCV

from .data import draw_samples, draw_weight, draw_y, good_y, in_a_form
from .parameters import EXTREME, ORDINARY, WRONG, bounded, draw_parameters
from .rules import Callback
from .session import FAILED

# Shares of cases with something wrong in the parameters, in X, in y
_WRONG_PARAMETERS, _WRONG_X, _WRONG_Y = 0.15, 0.15, 0.15


class Problem:
    """The size of a problem, and data for it, some of it wrong."""

    def __init__(self, draw, cls):
        self.draw = draw
        self.classifier = cls is MLPScratchClassifier
        self.n = draw.of([1, 2, 3, 5, 60]) if draw.chance(0.2) else draw.whole(6, 60)
        self.d = draw.whole(1, 8)

    def good(self):
        """Return samples and targets from which anything can learn."""
        X = self.draw.rng.normal(size=(self.n, self.d))
        return X, good_y(self.draw, self.n, self.classifier)

    def samples(self, share=_WRONG_X):
        """Return samples."""
        return draw_samples(self.draw, self.n, self.d, self.draw.chance(share))

    def data(self):
        """Return samples, targets and weights (often None) by the names of the arguments."""
        draw = self.draw
        y = draw_y(draw, self.n, self.classifier, draw.chance(_WRONG_Y))
        if draw.chance(0.3):  # else hardly anything were without a fault
            y = good_y(draw, self.n, self.classifier)
        weight = draw_weight(draw, self.n) if draw.chance(0.3) else None
        return {"X": self.samples(), "y": y, "sample_weight": weight}

    def validation(self):
        """Return a validation set, most often like the samples."""
        draw, n = self.draw, self.n
        n_val = draw.of([1, 2, n, max(1, n // 2)])
        X = draw_samples(draw, n_val, self.d, draw.chance(_WRONG_X))
        y = draw_y(draw, n_val, self.classifier, draw.chance(_WRONG_Y))
        if draw.chance(0.5):
            X = draw.rng.normal(size=(n_val, self.d)) * draw.of([1, 1, 1e4, 1e155, 1e300, 1e-5])
        if draw.chance(0.5):
            y = good_y(draw, n_val, self.classifier)
        given = {"X_val": X, "y_val": y}
        if draw.chance(0.3):
            given["sample_weight_val"] = draw_weight(draw, n_val)
        if draw.chance(0.05):
            del given[draw.of(given)]
        return given


def draw_class(draw):
    """Return one of the two estimators."""
    return [MLPScratchClassifier, MLPScratchRegressor][draw.whole(0, 1)]


def new(draw, cls):
    """Return an estimator; some of its parameters may be wrong."""
    n_wrong = draw.whole(1, 2) if draw.chance(_WRONG_PARAMETERS) else 0
    return cls(**draw_parameters(draw, cls, n_wrong))


def change(draw, model):
    """Set another value, or a wrong one, for one or two parameters."""
    for name in draw.some([n for n in ORDINARY if n in model.get_params()], draw.whole(1, 2)):
        choices = [*ORDINARY[name], *EXTREME.get(name, [])]
        model.set_params(**{name: draw.of(WRONG if draw.chance(0.1) else choices)})
    params = bounded(model.get_params())
    model.set_params(**{name: params[name] for name in ("max_iter", "stop_when")})


def one_fit(session, draw):
    """Fit once, with a validation set at times."""
    cls = draw_class(draw)
    problem, model = Problem(draw, cls), new(draw, cls)
    validation = problem.validation() if draw.chance(0.3) else {}
    if session.fit(model, **problem.data(), **validation):
        companions(session, draw, model, problem)


def fits_in_a_row(session, draw):
    """Fit to good data, and then to other data, perhaps with other parameters."""
    cls = draw_class(draw)
    problem = Problem(draw, cls)
    params = draw_parameters(draw, cls) | {"warm_start": draw.of([False, True, "resume"])}
    model = cls(**params)
    X, y = problem.good()
    session.fit(model, X, y)
    for _ in range(draw.whole(1, 3)):
        if draw.chance(0.4):
            change(draw, model)
        if draw.chance(0.5):
            session.fit(model, in_a_form(draw, X), y)
        else:
            session.fit(model, **problem.data())


def stream(session, draw):
    """Call partial_fit several times, and fit amid it at times."""
    cls = draw_class(draw)
    problem, model = Problem(draw, cls), new(draw, cls)
    if draw.chance(0.8) and isinstance(model.solver, str) and model.solver == "lbfgs":
        model.set_params(solver=draw.of(SOLVERS))
    for number in range(draw.whole(2, 4)):
        data, given = problem.data(), {}
        if draw.chance(0.5):
            data["X"], data["y"] = problem.good()
        if problem.classifier and (number == 0 or draw.chance(0.1)):
            given["classes"] = draw.of([[0, 1, 2], [0, 1], [0], ["a", "b"], None, [2, 1, 0, 7], 3])
        method = "fit" if draw.chance(0.1) else "partial_fit"
        if method == "fit":
            given = {}
        session.fit(model, **data, **given, method=method)
        if draw.chance(0.2):
            change(draw, model)
        if draw.chance(0.2):
            problem.n = draw.whole(1, 10)


def predictions(session, draw):
    """Predict for samples of all kinds."""
    cls = draw_class(draw)
    problem = Problem(draw, cls)
    model = cls(**draw_parameters(draw, cls))
    if draw.chance(0.95):
        X, y = problem.good()
        session.fit(model, X.astype(np.float32) if draw.chance(0.3) else X, y)
    for _ in range(3):
        given = problem.samples(share=0.4)
        session.predict(model, given)
        if draw.chance(0.2):
            y = draw_y(draw, problem.n, problem.classifier, draw.chance(0.5))
            session.call(model, "score", given, y)


def interruptions(session, draw):
    """Fit with a callback or a rule that stops, fails or presses Ctrl-C."""
    cls = draw_class(draw)
    problem = Problem(draw, cls)
    model = cls(**draw_parameters(draw, cls))
    model.set_callbacks(Callback(draw.whole(1, 4), draw.of(["stop", "none", "raise", "interrupt"])))
    X, y = problem.good()
    for _ in range(draw.whole(1, 2)):
        session.fit(model, X, y, **(problem.validation() if draw.chance(0.2) else {}))
    if draw.chance(0.5):
        session.fit(model, X, y, method="partial_fit", **_classes(problem))


def _classes(problem):
    return {"classes": [0, 1, 2]} if problem.classifier else {}


def companions(session, draw, model, problem):
    """Copy, convert and save a fitted model: the copies predict the same."""
    X = draw.rng.normal(size=(5, model.n_features_in_))
    if not hasattr(model, "feature_names_in_"):
        expected = session.call(model, "predict", X)
        if expected is FAILED:
            return
        copied = pickle.loads(pickle.dumps(model)) if draw.chance(0.3) else model
        if not np.array_equal(copied.predict(X), expected):
            session.blame("pickle", ["predicts otherwise"])
    if draw.chance(0.2):
        clone(model)
        str(session.call(model, "summary"))
        repr(model)
        model._repr_html_()
    if draw.chance(0.3):
        other = session.call(model, "to_sklearn")
        if other is not FAILED and not hasattr(model, "feature_names_in_"):
            _compare(session, other.predict(X), expected)
            session.call(model, "from_sklearn", other)


def _compare(session, given, expected):
    same = (
        np.allclose(given, expected, rtol=1e-3, atol=1e-6)
        if expected.dtype.kind == "f"
        else np.mean(given == expected) > 0.5  # two classes may be as likely as one another
    )
    if not same:
        session.blame("to_sklearn", [f"predicts {given}, not {expected}"])


def pipelines(session, draw):
    """Fit a pipeline that ends in a network, or a network for transformed targets."""
    cls = draw_class(draw)
    problem, network = Problem(draw, cls), new(draw, cls)
    model = make_pipeline(StandardScaler(with_mean=False), network)
    if cls is MLPScratchRegressor and draw.chance(0.3):
        model = TransformedTargetRegressor(network, transformer=StandardScaler())
    data = problem.data()
    if session.call(model, "fit", data["X"], data["y"]) is not FAILED:
        session.call(model, "predict", data["X"])


def searches(session, draw):
    """Search over parameters of networks."""
    cls = draw_class(draw)
    problem, network = Problem(draw, cls), new(draw, cls)
    problem.n = max(problem.n, 12)
    names = ["alpha", "learning_rate_init", "l2", "momentum", "tol", "max_iter", "random_state"]
    grid = {
        name: [draw.of([*ORDINARY[name], *EXTREME[name]]) for _ in range(2)]
        for name in draw.some(names, 2)
    }
    arguments = {"cv": 2, "error_score": draw.of([np.nan, "raise", 0])}
    if draw.chance(0.5):
        search = MLPGridSearchCV(network, grid, **arguments)
    else:
        search = MLPRandomizedSearchCV(network, grid, n_iter=2, random_state=0, **arguments)
    data = dict(zip("Xy", problem.good(), strict=True))
    if draw.chance(0.5):
        data = problem.data()
    if draw.chance(0.2):
        data |= {"X_val": problem.good()[0], "y_val": problem.good()[1]}
    if session.call(search, "fit", **data) is FAILED:
        return
    best = search.best_estimator_
    if not all(np.isfinite(W).all() for W in best.coefs_):
        session.blame("search", ["weights are not finite"])
    session.predict(best, data["X"], after="search, ")


SCENARIOS = {
    one_fit: 42,
    fits_in_a_row: 18,
    stream: 15,
    predictions: 11,
    interruptions: 4,
    pipelines: 5,
    searches: 5,
}
