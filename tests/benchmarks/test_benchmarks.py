"""That the benchmarks run, and that those who are timed do the same work."""

import ast
import gzip
import json
import re
import time
import warnings
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from benchmarks import (
    _contestants,
    _cost,
    _ensemble,
    _environment,
    _halving,
    _memory,
    _predict,
    _report,
    _sweeps,
    _tabular,
    _timing,
)
from benchmarks.__main__ import PARTS, main
from benchmarks._shapes import SHAPES, Job, load_covertype
from benchmarks._tables import TABLES

WITHOUT_DATA = ["iris", "circles", "digits"]  # those that come with scikit-learn
needs_torch = pytest.mark.skipif(
    not _contestants.has_torch(), reason='needs torch: pip install "sknn-scratch[bench]"'
)
needs_numba = pytest.mark.skipif(
    not _contestants.has_numba(), reason='needs numba: pip install "sknn-scratch[fast]"'
)
needs_linux = pytest.mark.skipif(
    not _memory.STATUS.is_file(), reason="memory is measured on Linux only"
)


def test_readme_names_parts_that_there_are():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    named = re.findall(r"^\|.*\| `(\w+)` \|$", readme, re.M)
    assert len(named) == 5
    assert set(named) <= set(PARTS)


def noise_job(n_classes=4, **settings):
    """Return a small job on random data."""
    draw = np.random.default_rng(0)
    defaults = {
        "X": draw.normal(size=(90, 7)),
        "y": draw.integers(n_classes, size=90),
        "hidden": (8, 5),
        "solver": "sgd",
        "batch_size": 30,
        "learning_rate": 0.01,
        "epochs": 10,
    }
    return Job(n_classes=n_classes, **defaults | settings)


def train(name, job):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _contestants.CONTESTANTS[name](job)()


def assert_same_weights(a, b):
    """Up to 1e-6 of the largest of an array: what is zero but for rounding has no digits."""
    for left, right in zip([*a.coefs, *a.intercepts], [*b.coefs, *b.intercepts], strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-6 * np.abs(right).max())


# The contestants


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_estimators_end_in_the_same_weights(name):
    shape = SHAPES[name].quick()
    job = shape.job(*shape.data(None), "float64")
    ours, theirs = train("sknn_scratch", job), train("scikit-learn", job)
    assert_same_weights(ours, theirs)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-9)


@pytest.mark.slow
@needs_numba
@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_both_engines_end_in_the_same_weights(name):
    shape = SHAPES[name].quick()
    job = shape.job(*shape.data(None), "float64")
    assert_same_weights(train("numba", job), train("sknn_scratch", job))


@needs_numba
def test_the_compiled_engine_is_what_is_timed(monkeypatch):
    made = []

    class Recorder:
        coefs_, intercepts_, loss_ = [], [], 0.0

        def __init__(self, **parameters):
            made.append(parameters.get("engine", "numpy"))

        def fit(self, X, y):
            return self

    monkeypatch.setattr(_contestants, "MLPScratchClassifier", Recorder)
    train("numba", noise_job())
    train("sknn_scratch", noise_job())
    assert made == ["numba", "numpy"]


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [30, 90])
def test_torch_ends_in_the_same_weights(n_classes, solver, batch_size):
    sizes = {"n_classes": n_classes, "solver": solver, "batch_size": batch_size}
    # A large penalty, so that one that is not the same would be seen. A small epsilon, because
    # torch adds it after the correction of Adam's second moment, and scikit-learn before.
    job = noise_job(**sizes, shuffle=False, alpha=1.0, epsilon=1e-14)
    assert_same_weights(train("torch", job), train("sknn_scratch", job))


@pytest.mark.slow
@needs_torch
@pytest.mark.parametrize("n_classes", [2, 4])
def test_torch_reports_the_same_loss(n_classes):
    # 40 does not divide 90; without a penalty, of which torch's loss knows nothing
    job = noise_job(n_classes, batch_size=40, shuffle=False, alpha=0.0)
    assert train("torch", job).loss == pytest.approx(train("sknn_scratch", job).loss, rel=1e-9)


@pytest.mark.slow
@needs_torch
def test_torch_learns_as_well_in_another_order():
    shape = SHAPES["digits"]
    job = shape.job(*shape.data(None), "float32")
    ours, theirs = train("sknn_scratch", job).loss, train("torch", job).loss
    assert theirs == pytest.approx(ours, rel=0.1)


def test_products_are_those_of_backpropagation():
    draw = np.random.default_rng(0)
    A, Z1, Z2 = (draw.normal(size=(6, units)) for units in (4, 3, 2))
    D1, D2 = np.empty((6, 3)), draw.normal(size=(6, 2))
    W1, W2 = draw.normal(size=(4, 3)), draw.normal(size=(3, 2))
    gradients = [np.empty_like(W1), np.empty_like(W2)]
    _contestants.multiply([W1, W2], [A, Z1, Z2], [None, D1, D2], gradients)
    expected = [A @ W1, A @ W1 @ W2, D2 @ W2.T, (A @ W1).T @ D2, A.T @ (D2 @ W2.T)]
    for array, value in zip([Z1, Z2, D1, *gradients[::-1]], expected, strict=True):
        np.testing.assert_allclose(array, value)


def test_products_are_done_for_every_batch_of_every_epoch(monkeypatch):
    sizes = []
    monkeypatch.setattr(
        _contestants, "multiply", lambda weights, values, *_: sizes.append(len(values[0]))
    )
    train("products", noise_job(batch_size=40, epochs=3))
    assert sizes == [40, 40, 10] * 3


def test_products_gather_each_row_once(monkeypatch):
    job, seen = noise_job(batch_size=40, epochs=1), []
    monkeypatch.setattr(
        _contestants, "multiply", lambda weights, values, *_: seen.extend(values[0][:, 0].tolist())
    )
    train("products", job)
    assert seen != job.X[:, 0].tolist()
    assert sorted(seen) == sorted(job.X[:, 0])


def test_all_predict_the_same():
    X = np.random.default_rng(0).random((5, 64))
    model = _predict.fit_on_noise((64, 10, 3), "float64")
    calls = _predict.prepare_predictions(model, X)
    assert list(calls) == [
        name for name in _contestants.available() if name not in {"numba", "products"}
    ]
    for call in calls.values():
        np.testing.assert_allclose(call(), model.predict_proba(X), rtol=1e-10)


# Timing


def test_turns_rotate_after_a_round_that_does_not_count():
    turns = []
    calls = {name: lambda name=name: turns.append(name) for name in "abc"}
    seconds = _timing.time_in_turn(calls, rounds=4)
    assert "".join(turns) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert [len(values) for values in seconds.values()] == [4, 4, 4]


def test_first_compiled_fit_of_a_dtype_is_told_apart():
    entries = [
        {"shape": shape, "dtype": dtype, "first_seconds": {"numba": seconds}}
        for shape, dtype, seconds in [
            ("iris", "float64", 12.0),
            ("iris", "float32", 13.0),
            ("digits", "float64", 0.1),
        ]
    ]
    lines = sorted(_report.first_fit_lines(entries))
    assert [line.split("in ")[1] for line in lines] == [
        "float32 (iris): 13 s",
        "float64 (iris): 12 s",
    ]
    assert _report.first_fit_lines([{"dtype": "float64", "first_seconds": {}}]) == []


def test_short_calls_are_repeated(monkeypatch):
    clock, calls = [0.0], []

    def call():
        clock[0] += 0.01
        calls.append(1)

    monkeypatch.setattr(_timing.time, "perf_counter", lambda: clock[0])
    seconds = _timing.time_in_turn({"a": call}, rounds=2, at_least=0.095)
    assert seconds["a"] == pytest.approx([0.01, 0.01])
    assert len(calls) == 2 + 2 * 10


def test_cost_is_that_of_one_epoch(monkeypatch):
    monkeypatch.setattr(_cost, "count_epochs", lambda *_: 4)
    monkeypatch.setattr(
        _cost, "time_in_turn", lambda calls, rounds: {name: [1.0, 2.0, 9.0] for name in calls}
    )
    assert _cost.time_epochs(_cost.QUICK_FIXED, 3, 0.0) == {"sknn_scratch": 0.5, "products": 0.5}


# Sweeps


@pytest.mark.slow
@pytest.mark.parametrize("sweep", _sweeps.SWEEPS, ids=lambda sweep: sweep.name)
def test_all_searches_find_the_same(sweep):
    names = _sweeps.searchers()
    entry = _sweeps.time_search(sweep.quick(), 1, names)
    assert list(entry["seconds"]) == names
    assert set(names) <= set(_report.SEARCH_COLUMNS)
    # One of 50 held out, on one of two folds: where float32 is rounded otherwise
    slack = 0.01 if sweep.dtype == "float32" else 0
    assert entry["largest_difference_of_scores"] <= slack


@pytest.mark.slow
@pytest.mark.parametrize("members", _ensemble.ENSEMBLES[::2], ids=lambda members: members.name)
def test_all_ensembles_predict_the_same(members):
    entry = _ensemble.time_training(members.quick(), 1)
    assert list(entry["seconds"]) == _ensemble.trainers()
    assert set(_ensemble.TRAINERS) == set(_report.TRAINER_COLUMNS)
    assert 0 <= entry["largest_difference"] < 1e-12
    (row,) = _ensemble.time_predictions(members.quick(), [3], 1, 0.0)
    assert list(row["seconds"]) == list(_ensemble.PREDICTORS) == _report.PREDICTOR_COLUMNS
    table = _report.ensemble_tables({"fit": [entry], "predict": [row]}).splitlines()
    assert [len(re.split("  +", line.strip())) for line in table[1:3]] == [14, 14]
    assert [len(re.split("  +", line.strip())) for line in table[4:]] == [10, 10]


def test_sweeps_train_as_many_epochs_as_they_say():
    for sweep in _sweeps.SWEEPS:
        quick = sweep.quick()
        network = quick.search("scikit-learn").estimator
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.set_params(max_iter=30, tol=10.0).fit(*quick.data())
        assert network.n_iter_ == 30  # though no epoch makes progress by 10


def test_sizes_of_the_sweeps():
    assert [sweep.n_candidates for sweep in _sweeps.SWEEPS] == [32, 24, 24, 24, 4]
    assert [sweep.data()[0].shape for sweep in _sweeps.SWEEPS[::4]] == [(500, 2), (4000, 784)]


def test_table_of_searches_has_a_cell_for_each_column():
    seconds = {"numba, 2 threads": 0.5, "numba": 1.0, "numpy": 2.0, "one by one": 4.0}
    entry = {"sweep": "circles", "batch_size": 25, "dtype": "float64", "candidates": 32}
    entry |= {"folds": 5, "largest_difference_of_scores": 0.0}
    sweeps = {"searches": [entry | {"median_seconds": seconds | {"scikit-learn": 20.0}}]}
    table = _report.sweeps_table(sweeps)
    assert re.search(r"0\.5 +1 +2 +4 +20 +40\.00 +2\.00 +0$", table)
    without = _report.sweeps_table({"searches": [entry | {"median_seconds": {"numpy": 2.0}}]})
    assert without.count("not installed") == 4


# Halving


def test_all_halving_searches_find_the_same():
    sweep = _halving.SWEEPS[0].quick()
    # Without those that start processes
    names = [
        name for name in _halving.searchers() if name not in ("full grid", "sklearn, numba, 2")
    ]
    entry = _halving.time_halving(sweep, *sweep.data(None), 1, names)
    assert list(entry["seconds"]) == names
    assert len(set(entry["best_scores"].values())) == 1


@needs_numba
def test_missed_scores_are_those_of_each_shuffling():
    sweep = _halving.SWEEPS[0].quick()
    X, y = sweep.data(None)
    missed = _halving.missed_scores(sweep, X, y, range(2))
    for shuffling in range(2):
        with _timing.expected_warnings():
            grid = sweep.search("full grid", shuffling).fit(X, y)
            halving = sweep.search("halving", shuffling).fit(X, y)
        assert missed[shuffling] == grid.best_score_ - halving.best_score_
    folds = [[*sweep.search("halving", shuffling).cv.split(X, y)] for shuffling in range(2)]
    assert not np.array_equal(folds[0][0][1], folds[1][0][1])


def test_sizes_of_the_halving_searches():
    n_candidates = [sweep.n_candidates for sweep in _halving.SWEEPS]
    assert n_candidates == [16, 27, 27]
    grid = _halving.SWEEPS[0].search("full grid")
    assert grid.param_grid["max_iter"] == [25, 100]
    for sweep in _halving.SWEEPS[1:]:
        search = sweep.search("scikit-learn")
        assert search.max_resources == 9 * search.min_resources == search.estimator.max_iter


def test_table_of_halving_searches():
    seconds = {"full grid": [3.0], "halving": [1.0]}
    entry = {"sweep": "digits", "candidates": 27, "folds": 5, "seconds": seconds}
    entry |= {"median_seconds": {"full grid": 3.0, "halving": 1.0}}
    entry |= {"best_scores": {"full grid": 0.98765, "halving": 0.5}}
    entry |= {"missed_scores": [0.25, 0.0, 0.125]}
    table = _report.halving_table({"searches": [entry]})
    assert re.search(
        r"digits +27 +5 +3 +1 +0\.9877 +0\.5000 +0\.1250, at most 0\.2500 of 3$", table
    )
    without = _report.halving_table({"searches": [entry | {"missed_scores": []}]})
    assert without.endswith("not measured")


# Memory


@needs_linux
def test_peak_of_anonymous_memory_is_seen():
    before = _memory.megabytes("RssAnon")
    with _memory.PeakOfAnonymous() as peak:
        array = np.ones(10_000_000)
        time.sleep(0.1)  # long enough to be looked at
        del array
    assert peak.megabytes - before == pytest.approx(80, abs=1)


# Data


@pytest.fixture
def data_folder(tmp_path):
    """Return a folder with random data in the layout of MNIST and of covertype."""
    draw = np.random.default_rng(0)
    (tmp_path / "mnist").mkdir()
    for prefix, n in {"train": 2000, "t10k": 10}.items():
        write_idx(tmp_path / "mnist" / f"{prefix}-images-idx3-ubyte.gz", draw, (n, 28, 28), 256)
        write_idx(tmp_path / "mnist" / f"{prefix}-labels-idx1-ubyte.gz", draw, (n,), 10)
    (tmp_path / "tabular").mkdir()
    y = np.arange(400, dtype=np.uint8) % 7 + 1
    X = np.column_stack([y, draw.integers(9, size=(400, 53))]).astype(np.int16)
    np.savez(tmp_path / "tabular" / "covertype.npz", X=X, y=y)
    return tmp_path


def write_idx(path, draw, shape, stop):
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + draw.integers(stop, size=shape, dtype="u1").tobytes()))


def test_covertype_is_standardised_and_keeps_rows_and_labels_together(data_folder):
    X, y = load_covertype(data_folder)
    assert set(y) == set(range(7))
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-5)
    assert np.corrcoef(X[:, 0], y)[0, 1] == pytest.approx(1)  # the column that holds the label


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_job_has_the_sizes_of_its_shape(shape):
    X, y = np.ones((20, 6)), np.arange(20) % shape.n_classes
    job = shape.job(X, y, shape.dtypes[0])
    assert job.units == (6, *shape.hidden, 1 if shape.n_classes == 2 else shape.n_classes)
    assert job.X.dtype == shape.dtypes[0]


# Tables


@pytest.mark.slow
def test_tables_are_judged_by_loss_accuracy_and_calibration(tmp_path, capsys):
    results = run_quick(tmp_path, "--parts", "tabular", "--tables", "wine", "diabetes")
    whole = [entry for entry in results["tabular"] if "members" not in entry]
    expected = [(t, m) for t in ("wine", "diabetes") for m in ("recipe", "MLP", "boosting")]
    assert [(entry["table"], entry["model"]) for entry in whole] == expected
    assert all(("accuracy" in entry) == (entry["table"] == "wine") for entry in whole)
    assert {e["members"] for e in results["tabular"] if "members" in e} == {1, 2, 4}
    table = capsys.readouterr().out
    for title in ("log loss", "accuracy", "calibration error", "RMSE", "seconds of fit"):
        assert f"tabular: {title}, mean" in table
    assert "the recipe beside the others" in table
    assert (tmp_path / "reliability.png").exists()


def test_tables_are_split_by_a_seed_and_without_overlap():
    X_train, y_train, X_test, y_test = TABLES["wine"].split(None, 0)
    assert (len(X_train), len(X_test)) == (len(y_train), len(y_test)) == (124, 54)
    assert not set(X_train.index) & set(X_test.index)
    assert set(X_train.index) != set(TABLES["wine"].split(None, 1)[0].index)


def test_a_table_is_read_from_the_folder_that_is_named(tmp_path):
    (tmp_path / "tabular").mkdir()
    path = tmp_path / "tabular" / "auto_imports.csv.gz"
    path.write_bytes(gzip.compress(b"make,price\naudi,1\n?,2\nbmw,?\n"))
    X, y = TABLES["car prices"].load(tmp_path)
    assert X.make.isna().tolist() == [False, True]
    assert y.tolist() == [1, 2]


@pytest.mark.slow
def test_parts_of_the_recipe_are_left_out_one_by_one(tmp_path):
    results = run_quick(tmp_path, "--parts", "tabular", "--tables", "wine", "--ablate")
    names = [entry["model"] for entry in results["tabular"] if "members" not in entry]
    assert names == [*_tabular.ABLATIONS, "with a temperature"]
    losses = {entry["loss"] for entry in results["tabular"] if "members" not in entry}
    assert len(losses) > len(names) / 2  # two epochs are too few for patience to matter


def test_calibration_error():
    confidence = np.array([0.9, 0.9, 0.9, 0.5])
    is_right = np.array([True, True, False, True])
    expected = (abs(2 - 2.7) + abs(1 - 0.5)) / 4
    bins = _tabular.calibration_bins(confidence, is_right)
    assert _tabular.calibration_error(bins) == pytest.approx(expected)


# The command line


def run_quick(folder, *arguments):
    """Run the command and return what it wrote to the JSON file."""
    main(["--quick", "--threads", "1", "--output", str(folder), *arguments])
    return json.loads((folder / "benchmarks.json").read_text())


@pytest.mark.slow
@needs_linux
def test_quick_run_of_all_parts(data_folder, capsys, monkeypatch):
    monkeypatch.setattr(_halving, "SWEEPS", _halving.SWEEPS[:1])  # all take twenty seconds
    monkeypatch.setattr(_sweeps, "SWEEPS", _sweeps.SWEEPS[::4])  # each has a test above
    monkeypatch.setattr(_ensemble, "ENSEMBLES", _ensemble.ENSEMBLES[-1:])
    folder = data_folder / "new" / "results"
    shapes = [*WITHOUT_DATA, "mnist", "covertype"]
    tables = ["wine", "diabetes"]  # all of them take half a minute
    arguments = ["--data", str(data_folder), "--memmap-gb", "0.1"]
    results = run_quick(folder, *arguments, "--shapes", *shapes, "--tables", *tables)
    names = _contestants.available()
    assert [entry["shape"] for entry in results["fit"]] == [s for s in shapes for _ in range(2)]
    assert all(list(entry["seconds"]) == names for entry in results["fit"])
    assert len(results["predict"]) == 4
    for entry in ("extra", "loaded"):
        assert list(results["memory"]["fit"][entry]) == names[:-1]
    assert results["memory"]["memmap"]["rows"] == 31_887
    anonymous = results["memory"]["memmap"]["extra"]
    assert list(anonymous) == [name for name in names if name in ("sknn_scratch", "numba")]
    assert all(0 < megabytes < 60 for megabytes in anonymous.values())  # of a file of 100
    assert list(results["cost"]["sweeps"]) == ["samples", "width", "depth", "batch size"]
    searched = [entry["sweep"] for entry in results["sweeps"]["searches"]]
    assert searched == ["circles", "large"]
    assert len(results["halving"]["searches"]) == 1
    assert {entry["table"] for entry in results["tabular"]} == set(tables)
    charts = {"speed.png", "cost.png", "reliability.png"}
    assert {path.name for path in folder.iterdir()} == {"benchmarks.json", *charts}
    table = capsys.readouterr().out
    assert [len(results["ensemble"][part]) for part in ("fit", "predict")] == [1, 2]
    parts = ["predict_proba", "memory", "cost", "sweeps", "halving", "ensemble", "tabular"]
    assert all(name in table for name in [*shapes, *names, *parts])


@pytest.mark.slow
def test_without_torch_the_columns_say_so(tmp_path, capsys, monkeypatch):
    for module in (_contestants, _environment, _predict):
        monkeypatch.setattr(module, "has_torch", lambda: False)
    results = run_quick(tmp_path, "--parts", "fit", "predict", "--shapes", "iris")
    assert "torch" not in results["fit"][0]["seconds"]
    assert results["environment"]["torch"] == "not installed"
    lines = capsys.readouterr().out.splitlines()
    missing = 1 + 2 + 4 + (not _contestants.has_numba())
    assert len([line for line in lines if "not installed" in line]) == missing
    assert (tmp_path / "speed.png").exists()


@pytest.mark.slow
@needs_numba
def test_the_table_has_a_column_of_the_compiled_engine(tmp_path, capsys):
    results = run_quick(tmp_path, "--parts", "fit", "--shapes", "iris")
    assert list(results["fit"][0]["first_seconds"]) == ["numba"]
    table = capsys.readouterr().out
    for column in ["ours/numba", "scikit-learn/numba", "torch/numba", "numba/products"]:
        assert column in table
    assert table.count("the first fit with engine='numba'") == 2  # one in each dtype


def test_without_numba_the_column_says_so(tmp_path, capsys, monkeypatch):
    for module in (_contestants, _environment):
        monkeypatch.setattr(module, "has_numba", lambda: False)
    results = run_quick(tmp_path, "--parts", "fit", "--shapes", "iris")
    assert "numba" not in results["fit"][0]["seconds"]
    assert results["environment"]["numba"] == "not installed"
    assert "first fit" not in capsys.readouterr().out


def test_a_shape_without_its_data_is_left_out(tmp_path, capsys):
    folder = tmp_path / "nothing"
    arguments = ["--parts", "fit", "--shapes", "mnist", "covertype", "--data", str(folder)]
    results = run_quick(tmp_path, *arguments)
    assert [entry["shape"] for entry in results["fit"]] == ["mnist", "covertype"]
    assert all(str(folder) in entry["left_out"] for entry in results["fit"])
    assert "mnist: left out: The folder" in capsys.readouterr().out
    assert not (tmp_path / "speed.png").exists()


@pytest.mark.parametrize("option", ["--rounds", "--threads", "--memmap-gb"])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_numbers_have_to_be_positive(option, value, capsys):
    with pytest.raises(SystemExit):
        main([option, value])
    assert f"argument {option}" in capsys.readouterr().err


def test_no_file_imports_itself_by_way_of_others():
    """Imports inside functions count: where they break a circle, the circle is still to be read."""
    folder = Path(_timing.__file__).parent
    graph = {path.stem: set() for path in folder.glob("*.py")}
    for name, imported in graph.items():
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("benchmarks."):
                imported.add(node.module.removeprefix("benchmarks."))
    assert graph["_fit"] == {"_contestants", "_timing"}
    TopologicalSorter(graph).prepare()  # raises an error that names the circle
