"""How well the recipe for tables predicts, beside scikit-learn's network and boosting, and RealMLP.

All get the same rows. Each is given the columns as its users would: the network in a pipeline that
imputes, scales and encodes, boosting with categories declared, RealMLP with missing numbers
imputed, and the recipe as they come.
"""

import importlib.util
import sys
import time
import warnings

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)

from benchmarks._contestants import has_numba
from benchmarks._tables import TABLES
from sknn_scratch.tabular import SmoothClip, tabular_classifier, tabular_regressor

SEEDS = (0, 1, 2)
QUICK_ROWS = 100
N_CALIBRATION_BINS = 15
MEMBERS = (1, 2, 4)  # how many networks of the recipe are also judged without the others


def make_recipe(has_classes, seed, n_jobs=2, **params):
    """Return the recipe, with parts or parameters replaced that `params` names."""
    make = tabular_classifier if has_classes else tabular_regressor
    engine = "numba" if has_numba() else "numpy"
    model = make(engine=engine, random_state=seed, n_jobs=n_jobs)
    network = "networks__estimator__" if has_classes else "networks__regressor__estimator__"
    return model.set_params(
        **{name.replace("network__", network): value for name, value in params.items()}
    )


def make_network(has_classes, seed):
    """Return scikit-learn's network behind the usual transformers."""
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="missing"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            others,
        ),
    )
    network = MLPClassifier if has_classes else MLPRegressor
    return make_pipeline(columns, network(random_state=seed))


def make_boosting(has_classes, seed):
    """Return scikit-learn's boosting; its columns of strings are categories."""
    boosting = HistGradientBoostingClassifier if has_classes else HistGradientBoostingRegressor
    return make_pipeline(
        FunctionTransformer(with_categories),
        boosting(categorical_features="from_dtype", random_state=seed),
    )


def with_categories(frame):
    """Return a frame whose strings are categories."""
    strings = frame.select_dtypes(exclude=["number", "bool"]).columns
    return frame.astype(dict.fromkeys(strings, "category"))


def make_realmlp(variant, has_classes, seed, **params):
    """Return pytabkit's RealMLP with its tuned defaults; it refuses numbers that are missing."""
    import pytabkit  # not above: it need not be there

    numbers = make_column_selector(dtype_include="number")
    imputer = make_column_transformer(
        (SimpleImputer(strategy="median"), numbers),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    kind = "Classifier" if has_classes else "Regressor"
    make = getattr(pytabkit, f"RealMLP_{variant}_{kind}")
    return make_pipeline(
        imputer.set_output(transform="pandas"),
        make(device="cpu", random_state=seed, n_threads=2, **params),
    )


# What the authors of RealMLP advise if the log loss is to be low
FOR_LOG_LOSS = {"val_metric_name": "cross_entropy", "use_ls": False}
CONTESTANTS = {
    "recipe": make_recipe,
    "MLP": make_network,
    "boosting": make_boosting,
    "RealMLP-TD-S": lambda *which: make_realmlp("TD_S", *which),
    "RealMLP-TD": lambda *which: make_realmlp("TD", *which),
    "RealMLP-TD-S, log loss": lambda *which: make_realmlp("TD_S", *which, **FOR_LOG_LOSS),
    "RealMLP-TD, log loss": lambda *which: make_realmlp("TD", *which, **FOR_LOG_LOSS),
}
SMOOTH = "columns__numbers__encode__smooth"
# The recipe with a part left out or replaced
ABLATIONS = {
    "without bins": {"columns__numbers__encode__bins": "drop"},
    "only standardised": {"columns__numbers__encode__bins": "drop", SMOOTH: StandardScaler()},
    "bins, no clip": {SMOOTH: StandardScaler()},
    "quantiles, clipped": {
        SMOOTH: make_pipeline(
            QuantileTransformer(output_distribution="normal", random_state=0),
            SmoothClip(scaling=None),
        )
    },
    "all epochs": {"network__n_iter_no_change": np.inf},
    "32 epochs": {"network__max_iter": 32},
    "no weight decay": {"network__weight_decay": 0.0},
    "no dropout": {"network__dropout": 0.0},
    "no hold-out": {"network__early_stopping": False},
}


def measure_tabular(folder, names, seeds=SEEDS, *, ablate=False, quick=False):
    """Return an entry for each table, seed and contestant; a table that cannot be had says why."""
    if not quick:
        compile_first()
    entries = []
    for table in map(TABLES.get, names):
        for seed in seeds[:1] if quick else seeds:
            try:
                rows = table.split(folder, seed, **({"most_rows": QUICK_ROWS} if quick else {}))
            except (OSError, ValueError, ImportError) as error:
                entries.append({"table": table.name, "left_out": str(error)})
                break
            for name, make in contestants(table, seed, ablate=ablate, quick=quick).items():
                print(f"tabular: {table.name}, {seed}, {name}", file=sys.stderr, flush=True)
                about = {"table": table.name, "seed": seed, "model": name}
                entries += [about | entry for entry in judged(make, *rows, table.has_classes)]
    return entries


def compile_first():
    """Fit a recipe to next to nothing, so that none is timed while its loops are compiled."""
    noise = np.random.default_rng(0).normal(size=(40, 2))
    make_recipe(True, 0, n_jobs=1, network__max_iter=1).fit(noise, noise[:, 0] > 0)


def contestants(table, seed, *, ablate, quick):
    """Return a function that makes the model, by name."""
    params = {"network__max_iter": 2, "network__engine": "numpy"} if quick else {}
    if ablate:
        made = {
            name: lambda changed=changed: make_recipe(table.has_classes, seed, **params | changed)
            for name, changed in ABLATIONS.items()
        }
        if table.has_classes:
            made["with a temperature"] = lambda: CalibratedClassifierCV(
                make_recipe(True, seed, **params), method="temperature", cv=3
            )
        return made
    makers = {name: make for name, make in CONTESTANTS.items() if is_there(name, table, quick)}
    return {
        name: lambda make=make, name=name: make(
            table.has_classes, seed, **(params if name == "recipe" else {})
        )
        for name, make in makers.items()
    }


def is_there(name, table, quick):
    """Return whether a contestant can run; RealMLP takes long, and is no part of a quick run."""
    if "log loss" in name and not table.has_classes:
        return False
    return "RealMLP" not in name or (not quick and importlib.util.find_spec("pytabkit") is not None)


def judged(make, X_train, y_train, X_test, y_test, has_classes):
    """Yield what a model makes of the test set, and then what a few networks of a recipe make."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that defaults do not converge on some tables
        model = make()
        start = time.perf_counter()
        model.fit(X_train, y_train)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        given = model.predict_proba(X_test) if has_classes else model.predict(X_test)
        predicting = time.perf_counter() - start
    about = {"rows": len(y_train), "seconds": seconds, "predict_seconds": predicting}
    yield about | scores(given, y_test, getattr(model, "classes_", None))
    for n_members, some in of_members(model, X_test):
        yield {"members": n_members} | scores(some, y_test, getattr(model, "classes_", None))


def of_members(model, X):
    """Yield what the first networks of a recipe predict, and how many they are."""
    networks = getattr(model, "named_steps", {}).get("networks")
    if networks is None:
        return
    ensemble = getattr(networks, "regressor_", networks)
    each = ensemble.member_predictions(model[:-1].transform(X))
    for n_members in MEMBERS:
        some = each[:n_members].mean(axis=0)
        if ensemble is not networks:
            some = networks.transformer_.inverse_transform(some.reshape(len(X), -1))
        yield n_members, some


def scores(given, y, classes):
    """Return log loss, accuracy and calibration error, or the root mean squared error."""
    if classes is None:
        return {"loss": float(np.sqrt(np.mean((np.ravel(given) - y) ** 2)))}
    probabilities = np.asarray(given, dtype=np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    is_right = classes[probabilities.argmax(axis=1)] == y
    bins = calibration_bins(probabilities.max(axis=1), is_right)
    return {
        "loss": float(log_loss(y, probabilities, labels=classes)),
        "accuracy": float(is_right.mean()),
        "calibration_error": calibration_error(bins),
        "calibration": {name: sums.tolist() for name, sums in bins.items()},
    }


def calibration_bins(confidence, is_right):
    """Return sums over bins of the confidence: of rows, of confidence, of rows that are right."""
    bins = np.minimum((confidence * N_CALIBRATION_BINS).astype(int), N_CALIBRATION_BINS - 1)
    columns = {"rows": np.ones(len(bins)), "confidence": confidence, "right": is_right}
    return {
        name: np.bincount(bins, values, minlength=N_CALIBRATION_BINS)
        for name, values in columns.items()
    }


def calibration_error(bins):
    """Return how far the confidence is from the share that is right, as a mean over the rows.

    It is known as the expected calibration error.
    """
    return float(np.abs(bins["right"] - bins["confidence"]).sum() / bins["rows"].sum())
