"""Each study with --quick on the real data, and what the studies share."""

import importlib
import json
import os
import sys
from argparse import Namespace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.image import imread

from sknn_scratch import datasets
from sknn_scratch.datasets import DATASETS

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "examples" / "studies"
STUDIES = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
FIGURES = {name: [name] for name in STUDIES} | {
    "cifar10_two_layers": ["cifar10_two_layers", "cifar10_two_layers_weights"]
}
needs_data = pytest.mark.skipif(
    not os.environ.get("SKNN_SCRATCH_DATA"),
    reason="needs the real data: set SKNN_SCRATCH_DATA to their folder",
)


@pytest.fixture(scope="module", autouse=True)
def _studies_on_path():
    """Make the folder of the studies the first to import from, as Python does for a script."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


ALL_IMAGES = datasets._to_dataset
N_IMAGES = 12_000  # 10,000 are held out at most, and --quick trains on 2,000 of the others


@pytest.fixture(scope="module", autouse=True)
def _each_data_set_is_read_once():
    """Have the first images only, of each split: all would take some seconds to scale."""

    def few_images(train, test, *others):
        parts = ((X[:N_IMAGES], y[:N_IMAGES]) for X, y in (train, test))
        return ALL_IMAGES(*parts, *others)

    with (
        patch.object(datasets, "_to_dataset", few_images),
        patch.dict(DATASETS, {name: cache(load) for name, load in DATASETS.items()}),
    ):
        yield


@pytest.fixture
def all_images():
    """Have data sets whole, read anew."""
    loaders = {name: load.__wrapped__ for name, load in DATASETS.items()}
    with patch.object(datasets, "_to_dataset", ALL_IMAGES), patch.dict(DATASETS, loaders):
        yield


@pytest.fixture(scope="module")
def run_quick(tmp_path_factory):
    """Return a function that runs a study once and returns its folder and its results file."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            importlib.import_module(name).main(["--quick", "--output", str(folder)])
            done[name] = folder, json.loads((folder / f"{name}.json").read_text())
        return done[name]

    return run


def study(name="_study"):
    return importlib.import_module(name)


def histories(content):
    """Return every dict of curves in the results, wherever it stands."""
    if isinstance(content, dict):
        if "learning_rate" in content and isinstance(content["learning_rate"], list):
            return [content]
        return [h for value in content.values() for h in histories(value)]
    return [h for value in content for h in histories(value)] if isinstance(content, list) else []


def n_tests(content):
    """Count the entries of the results that come from the test set."""
    if isinstance(content, dict):
        return ("test" in content) + sum(n_tests(value) for value in content.values())
    return sum(n_tests(value) for value in content) if isinstance(content, list) else 0


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "toy" else needs_data) for name in STUDIES]
)
class TestQuickRun:
    def test_file_says_how_it_was_made(self, name, run_quick):
        _, content = run_quick(name)
        assert content["study"] == name
        assert content["quick"] is True
        assert content["settings"] == json.loads(json.dumps(content["settings"]))
        assert set(content["versions"]) >= {"python", "numpy", "scikit-learn", "sknn_scratch"}
        assert content["machine"]["blas"]
        assert content["seconds"] > 0

    def test_curves_are_whole(self, name, run_quick):
        _, content = run_quick(name)
        found = histories(content["results"])
        assert bool(found) == (name != "loop_against_matrix")
        for history in found:
            assert {"loss", "accuracy"} <= set(history)
            assert len({len(values) for values in history.values()}) == 1
            assert all(np.isfinite(values).all() for values in history.values())

    def test_figures_are_pictures(self, name, run_quick):
        folder, _ = run_quick(name)
        assert {path.stem for path in folder.glob("*.png")} == set(FIGURES[name])
        for figure in FIGURES[name]:
            assert np.ptp(imread(folder / f"{figure}.png")) > 0.9


def test_toy_loss_is_near_zero(run_quick):
    _, content = run_quick("toy")
    losses = [record["training"]["loss"] for d in content["results"].values() for record in d]
    assert len(losses) == 6
    assert max(losses) < 0.001


@needs_data
class TestResults:
    def test_loop_is_slower_and_agrees(self, run_quick):
        for record in run_quick("loop_against_matrix")[1]["results"]:
            assert record["ratio"] > 2
            assert record["greatest_difference_of_weights"] < 1e-9

    def test_curves_have_the_test_set(self, run_quick):
        for (record,) in run_quick("fashion_mnist_curves")[1]["results"].values():
            assert {"validation_loss", "validation_score"} <= set(record)
            assert {"test_loss", "test_accuracy"} <= set(record)

    def test_adam_learns_fastest_at_the_small_step(self, run_quick):
        results = run_quick("fashion_mnist_curves")[1]["results"]
        final = [records[0]["test_accuracy"][-1] for records in results.values()]
        assert final == sorted(final)

    @pytest.mark.parametrize(
        ("name", "key"), [("fashion_mnist_tuned", "candidates"), ("cifar10_depth", "depths")]
    )
    def test_only_the_best_is_tested(self, name, key, run_quick):
        results = run_quick(name)[1]["results"]
        scores = {k: records[0]["validation"]["accuracy"] for k, records in results[key].items()}
        assert len(scores) > 1
        assert scores[results["chosen"]] == max(scores.values())
        assert n_tests(results) == 1
        assert "test" in results[key][results["chosen"]][0]

    def test_search_tests_once(self, run_quick):
        results = run_quick("cifar10_two_layers")[1]["results"]
        assert len(results["search"]) == 2
        assert n_tests(results["search"]) == 0
        assert n_tests(results["final"]) == 1

    def test_rule_keeps_one_validation_score_per_epoch(self, run_quick):
        _, content = run_quick("mnist_stopping_rule")
        assert len(content["results"]) == 3
        for record in content["results"]:
            assert record["epochs"] == len(record["history"]["validation_score"])


@needs_data
@pytest.mark.usefixtures("all_images")
def test_parts_are_standardised_by_the_training_images():
    options = Namespace(data=None, quick=False)
    data = study().load("mnist", options, n_validation=5_000)
    sizes = [len(part.y) for part in (data.training, data.validation, data.test)]
    assert sizes == [55_000, 5_000, 10_000]
    np.testing.assert_allclose(data.training.X.mean(axis=0, dtype=float), 0, atol=1e-4)
    assert data.training.X.std(dtype=float) == pytest.approx(1, abs=1e-4)
    assert data.test.X.dtype == np.float32


@pytest.mark.parametrize("scaled", [True, False])
def test_the_first_part_says_how_all_are_centred(scaled):
    Part = study().Part
    first = Part(np.array([[0, 2], [2, 6]], dtype=np.float32), np.zeros(2))
    other = Part(np.array([[1, 8]], dtype=np.float32), np.zeros(1))
    scale = np.sqrt((1 + 1 + 4 + 4) / 4) if scaled else 1
    trained, tested = study().centred(first, other, scaled=scaled)
    np.testing.assert_allclose(trained.X, np.array([[-1, -2], [1, 2]]) / scale, rtol=1e-6)
    np.testing.assert_allclose(tested.X, np.array([[0, 4]]) / scale, rtol=1e-6)


def test_shifted_images_are_moved_by_a_pixel():
    image = np.zeros((4, 5))
    image[1, 2] = 1
    part = study().with_shifted(study().Part(image.reshape(1, 20), np.array([7])), (4, 5))
    assert part.y.tolist() == [7] * 5
    where = [tuple(map(int, np.argwhere(moved)[0])) for moved in part.X.reshape(5, 4, 5)]
    assert where == [(1, 2), (1, 1), (1, 3), (0, 2), (2, 2)]


def test_mirror_images_swap_columns_only():
    X = np.arange(2 * 2 * 3 * 3).reshape(2, 18)
    part = study().with_mirrored(study().Part(X, np.array([4, 7])), (2, 3, 3))
    assert part.y.tolist() == [4, 7, 4, 7]
    np.testing.assert_array_equal(part.X[:2], X)
    images, mirrored = part.X.reshape(2, 2, 2, 3, 3)
    for column in range(3):
        np.testing.assert_array_equal(mirrored[:, :, column], images[:, :, 2 - column])


@pytest.mark.parametrize(
    ("scores", "stops"),
    [
        ([0.98], False),
        ([0.97, 0.98], False),
        ([0.9, 0.97, 0.974], False),
        ([0.9, 0.974, 0.976], True),
        ([0.98, 0.976], True),
        ([0.972, 0.978], False),
        ([0.99, 0.98], False),
    ],
)
def test_rule_of_the_report(scores, stops):
    rule = study("mnist_stopping_rule").is_high_and_steady
    assert rule({"validation_score": scores}) is stops


def test_quick_settings_are_smaller_and_others_untouched():
    settings = {"hidden_layer_sizes": (16, 512), "max_iter": 50, "l2": 0.1}
    adapted = study().adapted
    assert adapted(settings, Namespace(quick=False)) == settings
    small = adapted(settings, Namespace(quick=True))
    assert small == {"hidden_layer_sizes": (16, 32), "max_iter": 3, "l2": 0.1}


def test_progress_shows_the_last_epoch(capsys):
    progress = study().Progress("net", 3)
    for loss in (3.0, 2.0, 1.0):
        progress.show(loss=loss)
    assert capsys.readouterr().err == "net: epoch 3 of 3, loss 1.0000, 0 s left\n"


def test_missing_data_is_said(tmp_path):
    arguments = ["--data", str(tmp_path), "--output", str(tmp_path), "--quick"]
    with pytest.raises(SystemExit, match=r"(?s)Cannot load mnist: .*Use --data"):
        study("mnist").main(arguments)


@pytest.mark.parametrize("seeds", ["0", "-1"])
def test_no_seeds(seeds, capsys):
    with pytest.raises(SystemExit):
        study().parse_options("A study.", ["--seeds", seeds])
    assert f"--seeds must be at least 1, got {seeds}" in capsys.readouterr().err


def test_output_that_is_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        study().parse_options("A study.", ["--output", str(tmp_path / "file")])
    assert "cannot write to the folder of --output" in capsys.readouterr().err
