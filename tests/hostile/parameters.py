"""Parameters of the estimators: ordinary ones, extreme ones that are allowed, and wrong ones."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.losses import REGRESSION_LOSSES
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS

from .rules import Rate, Square, StopAfter

HUGE = 10**400  # more than a float can hold

ORDINARY = {
    "solver": [*SOLVERS, "lbfgs"],
    "alpha": [0, 1e-4, 0.01],
    "batch_size": ["auto", 1, 5, 20],
    "learning_rate": list(SCHEDULES),
    "learning_rate_init": [1e-3, 0.01, 0.1],
    "power_t": [0, 0.5, 1],
    "max_iter": [1, 2, 5, 10, 20],
    "shuffle": [True, False],
    "random_state": [0, 1, None, np.random.RandomState(3)],
    "tol": [0, 1e-4, 0.1],
    "verbose": [False, True, 1],
    "warm_start": [False, True, "resume"],
    "momentum": [0, 0.5, 0.9],
    "nesterovs_momentum": [True, False],
    "early_stopping": [True, False],
    "validation_fraction": [0.1, 0.3, 0.5],
    "beta_1": [0, 0.5, 0.9],
    "beta_2": [0, 0.9, 0.999],
    "epsilon": [1e-8, 1e-3],
    "n_iter_no_change": [1, 2, 10, np.inf],
    "max_fun": [20, 100],
    "init": list(INITIALIZERS),
    "l1": [0, 1e-3, 0.1],
    "l2": [0, 1e-3, 0.1],
    "weight_decay": [0, 0.01],
    "group_l1": [0, 1e-3, 0.1],
    "max_norm": [None, 0.5, 2],
    "dropout": [0, 0.2, 0.5],
    "warmup_epochs": [0, 1, 2.5],
    "restart": [False, True],
    "early_stopping_on": ["score", "loss"],
    "stop_when": [None, StopAfter(1), StopAfter(3), StopAfter(2, "none"), StopAfter(2, "numpy")],
    "engine": ["numpy"],  # the compiled one is drawn for all cases or none: not all have numba
    "class_weight": [None, "balanced"],
    "label_smoothing": [0, 0.1],
    "loss": list(REGRESSION_LOSSES),
    "quantile": [0.1, 0.5, 0.99],
    "delta": [0.1, 1, 10],
    "power": [1, 1.5, 2, 3],
    "missing_targets": ["error", "ignore"],
}

_SMALL = [5e-324, 1e-310, 1e-300, 1e-40, np.float32(1e-45)]
_LARGE = [1e300, 1.7e308, 1e39, 10**30, HUGE, np.float32(3e38)]
_NEAR_ONE = [np.nextafter(1, 0), 1 - 1e-9, np.float32(0.99999994), 1e-300, True]
_FLAGS = [np.True_, np.False_]
_COUNTS = [True, np.int8(3), np.uint64(4)]

EXTREME = {
    "alpha": [*_SMALL, *_LARGE, True, Fraction(1, 3), np.float64(0.1)],
    "batch_size": [*_COUNTS, 10**6, 2**63, HUGE],
    "learning_rate": [*map(Rate, [0, 1e-300, 1e300, np.float32(0.1), HUGE, True, 0.01])],
    "learning_rate_init": [*_SMALL, *_LARGE, True, Fraction(1, 3), np.float32(0.1)],
    "power_t": [*_SMALL, *_LARGE, 200],
    "max_iter": _COUNTS,
    "shuffle": _FLAGS,
    "random_state": [2**32 - 1, np.int64(7), np.uint8(7), True],
    "tol": [*_SMALL, *_LARGE, np.float32(1e-3)],
    "verbose": [np.True_, 100, HUGE],
    "warm_start": _FLAGS,
    "momentum": [1, *_NEAR_ONE],
    "nesterovs_momentum": _FLAGS,
    "early_stopping": _FLAGS,
    "validation_fraction": [0, 5e-324, *_NEAR_ONE, Fraction(1, 2)],
    "beta_1": _NEAR_ONE,
    "beta_2": _NEAR_ONE,
    "epsilon": [*_SMALL, *_LARGE],
    "n_iter_no_change": [*_COUNTS, HUGE, np.float64(np.inf), np.float32(np.inf)],
    "max_fun": [1, 2, *_COUNTS, HUGE],
    "l1": [*_SMALL, *_LARGE],
    "l2": [*_SMALL, *_LARGE],
    "weight_decay": [*_SMALL, *_LARGE],
    "group_l1": [*_SMALL, *_LARGE],
    "max_norm": [*_SMALL, *_LARGE],
    "dropout": _NEAR_ONE,
    "warmup_epochs": [*_SMALL, *_LARGE],
    "restart": _FLAGS,
    "stop_when": [StopAfter(1, "raise"), StopAfter(2, "raise"), StopAfter(2, "interrupt")],
    "class_weight": [
        {0: 2, 1: 1},
        {0: 1e300, 1: 1e-300},
        {0: 1e-320, 1: 1e-320, 2: 1e-320},
        {0: 1.7e308, 1: 1.7e308, 2: 1.7e308},
        {0: 0},
        {0: 0, 1: 0, 2: 0},
        {"a": 2},
        {7: 1},
        {},
        {0: HUGE},
        [{0: 1, 1: 2}] * 2,
        [{0: 1, 1: 0}] * 3,
    ],
    "label_smoothing": _NEAR_ONE,
    "quantile": [*_NEAR_ONE[:3], *_SMALL, Fraction(1, 3)],
    "delta": [*_SMALL, *_LARGE],
    "power": [
        np.nextafter(1, 2),
        1 + 1e-9,
        np.nextafter(2, 1),
        np.float32(1.5),
        np.nextafter(3, 1),
    ],
}

# Wrong for nearly every parameter; where one of them is allowed, no harm is done
WRONG = [
    None, "3", "", "relu ", b"adam", np.str_("gd"), True, 2, 2.5, 0, 0.0, -1, -0.5, -1e-300, np.nan,
    np.inf, -np.inf, np.float32(np.nan), np.float16(np.inf), 1j, Decimal("0.1"), Decimal("NaN"),
    Fraction(1, 3), pd.NA, pd.NaT, np.datetime64("2024-01-01"), HUGE, -HUGE, 10**15, 2**63, (), [],
    {}, set(), (0.1,), [0.1, 0.2], [None], [np.nan, 1], (1, "a"), ["relu"], ["relu", 5], [[1, 2]],
    [-1, 3], [True, False], [[], []], np.array(3), np.array(0.1), np.array("relu"), np.array([]),
    np.array([0.1, 0.2]), np.array([[3, 4]]), np.array([3, None], dtype=object),
    np.array([np.inf, 1]), pd.Series([3, 2]), pd.Series([3, 2], index=["a", "b"]),
    pd.DataFrame({"a": [1]}), np.bool_(True), np.int8(-3), np.uint8(0), int, float, Square,
    Square(), Ellipsis, NotImplemented, len, range(2), range(0), slice(3), frozenset({1}),
    {"relu": 1}, {3: 4}, np.random.default_rng(0), np.random.RandomState(0), ValueError("x"),
    [HUGE], [10**15], *map(Rate, ["raise", -1, np.nan, np.inf, None, "0.1", -HUGE, 1j, [0.1]]),
]  # fmt: skip

# A layer of so many units would not fit the memory of any machine, and says so at once
LAYERS = [3, 1, (4,), (3, 2), (2, 2, 2), (), [5], np.array([3, 2]), range(1, 3), np.int64(4)]


def draw_parameters(draw, cls, n_wrong=0):
    """Return parameters of `cls` by name, of which `n_wrong` are most likely wrong."""
    params = {"hidden_layer_sizes": draw.of(LAYERS), "max_iter": draw.of(ORDINARY["max_iter"])}
    params["random_state"] = draw.of(ORDINARY["random_state"])
    params["solver"] = draw.of(ORDINARY["solver"])
    names = [name for name in cls().get_params() if name not in params]
    for name in draw.some(names, draw.whole(0, 8)):
        extreme = name in EXTREME and draw.chance(0.3)
        if name == "activation":
            params[name] = _activation(draw, params["hidden_layer_sizes"])
        elif name in ("l1", "l2", "dropout") and draw.chance(0.5):
            params[name] = _of_layers(draw, name, params["hidden_layer_sizes"])
        else:
            params[name] = draw.of(EXTREME[name] if extreme else ORDINARY[name])
    if draw.engine != "numpy":
        params["engine"] = draw.engine
    if draw.chance(0.02):  # epochs without number, of which a rule makes few
        params |= {"max_iter": draw.of([10**9, HUGE]), "stop_when": StopAfter(3), "max_fun": 50}
    for name in draw.some(cls().get_params(), n_wrong):
        params[name] = draw.of(WRONG)
    return bounded(params)


def bounded(params):
    """Return the parameters, of which none makes a fit long."""
    # A wrong value may be a right, and huge, number of epochs
    if "stop_when" not in params and not _is_few(params.get("max_iter", 200)):
        params["max_iter"] = -params["max_iter"]
    return params


def _is_few(max_iter):
    return not isinstance(max_iter, (int, np.integer)) or max_iter <= 200


def n_hidden(sizes):
    """Return the number of hidden layers."""
    return 1 if np.ndim(sizes) == 0 else len(sizes)


def _activation(draw, sizes):
    choices = [*ACTIVATIONS, Square()]
    if draw.chance(0.5):
        return draw.of(choices)
    return [draw.of(choices) for _ in range(n_hidden(sizes))]


def _of_layers(draw, name, sizes):
    """Return a number for each layer, as a list, a tuple, an array or a Series."""
    choices = [*ORDINARY[name], *EXTREME[name]] if draw.chance(0.3) else ORDINARY[name]
    values = [draw.of(choices) for _ in range(n_hidden(sizes) + 1)]
    if draw.chance(0.1):
        values = values[:-1] if draw.chance(0.5) else [*values, 0]
    return draw.of([list, tuple, np.array, pd.Series])(values)
