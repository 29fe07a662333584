"""The quickstart, run as a newcomer would, and each of its options."""

import gzip
import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "examples" / "quickstart.py"
REAL_FOLDER = os.environ.get("SKNN_SCRATCH_DATA")


def load_script():
    spec = importlib.util.spec_from_file_location("quickstart", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


quickstart = load_script()


def run_script(folder, *arguments):
    """Run the script in another process, with `folder` as its current folder."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def epochs_shown(output):
    return [int(number) for number in re.findall(r"^ +(\d+)(?: +[\d.e-]+)+$", output, re.M)]


def reported(output, label):
    """Return what the report says beside a label."""
    (value,) = re.findall(rf"^{label}: +(\S+)", output, re.M)
    return value


def split_digits_by_hand(seed):
    """Return X_train, X_test, y_train, y_test, without asking the script."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32) / 16
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)


def write_idx_files(folder, *, n_train=300, n_test=20):
    """Write files as those of MNIST; 300 images, since a batch may not be larger than the data."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for prefix, n in {"train": n_train, "t10k": n_test}.items():
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        for kind, array in {"images-idx3": images, "labels-idx1": labels}.items():
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            content = gzip.compress(header + array.tobytes())
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(content)


@pytest.fixture(scope="module")
def default_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return folder, run_script(folder)


@pytest.fixture(scope="module")
def fitted():
    """Return the digits and a model that learnt them for two epochs."""
    data = quickstart.split_digits(seed=0)
    model = quickstart.build_model(quickstart.SETTINGS["digits"] | {"max_iter": 2}, seed=0)
    quickstart.train(model, data)
    return data, model


@pytest.fixture(scope="module")
def figure(fitted):
    data, model = fitted
    return quickstart.draw("digits", model, data, test_accuracy=0.5)


@pytest.fixture(scope="module")
def axes(figure):
    return [ax for part in figure.subfigs for ax in part.axes]


class TestDefaultRun:
    def test_succeeds_without_warnings(self, default_run):
        _, run = default_run
        assert run.returncode == 0, run.stderr
        assert "Warning" not in run.stderr

    def test_shows_each_epoch(self, default_run):
        _, run = default_run
        n_epochs = quickstart.SETTINGS["digits"]["max_iter"]
        assert epochs_shown(run.stdout) == list(range(1, n_epochs + 1))

    def test_reaches_the_promised_accuracy(self, default_run):
        _, run = default_run
        assert float(reported(run.stdout, "Test accuracy")) >= 0.97

    def test_writes_two_files(self, default_run):
        folder, _ = default_run
        assert {path.name for path in folder.iterdir()} == {"quickstart.joblib", "quickstart.png"}

    def test_saved_model_is_the_reported_one(self, default_run):
        folder, run = default_run
        model = joblib.load(folder / "quickstart.joblib")
        X_train, X_test, y_train, y_test = split_digits_by_hand(seed=0)
        assert model.predict_proba(X_test).shape == (450, 10)
        for part, X, y in [("Train", X_train, y_train), ("Test", X_test, y_test)]:
            share = np.mean(model.predict(X) == y)
            assert reported(run.stdout, f"{part} accuracy") == f"{share:.4f}"

    def test_counts_parameters(self, default_run):
        folder, run = default_run
        mlp = joblib.load(folder / "quickstart.joblib")[-1]
        n_parameters = sum(array.size for array in [*mlp.coefs_, *mlp.intercepts_])
        assert reported(run.stdout, "Parameters") == f"{n_parameters:,}"

    def test_reports_the_time(self, default_run):
        _, run = default_run
        assert 0 <= float(reported(run.stdout, "Training time")) < 30

    def test_figure_is_a_picture(self, default_run):
        folder, _ = default_run
        pixels = imread(folder / "quickstart.png")
        assert pixels.shape[:2] == (900, 1800)
        assert np.ptp(pixels) == 1  # from black to white


class TestOptions:
    def test_epochs_seed_and_output(self, tmp_path, capsys):
        folder = tmp_path / "new" / "folder"
        quickstart.main(["--epochs", "2", "--seed", "5", "--output", str(folder)])
        output = capsys.readouterr().out
        assert epochs_shown(output) == [1, 2]
        model = joblib.load(folder / "quickstart.joblib")
        assert (model[-1].n_iter_, model[-1].random_state) == (2, 5)
        _, X_test, _, y_test = split_digits_by_hand(seed=5)
        share = np.mean(model.predict(X_test) == y_test)
        assert reported(output, "Test accuracy") == f"{share:.4f}"
        assert (folder / "quickstart.png").is_file()

    @pytest.mark.parametrize("seed", ["1", "2", "3"])
    def test_accuracy_does_not_hang_on_the_seed(self, seed, tmp_path, capsys):
        quickstart.main(["--seed", seed, "--output", str(tmp_path)])
        assert float(reported(capsys.readouterr().out, "Test accuracy")) >= 0.97

    @pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
    def test_data_goes_before_the_environment(self, name, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("SKNN_SCRATCH_DATA", str(tmp_path / "nowhere"))
        write_idx_files(tmp_path / name)
        arguments = ["--dataset", name, "--data", str(tmp_path), "--output", str(tmp_path)]
        quickstart.main([*arguments, "--epochs", "1"])
        output = capsys.readouterr().out
        assert reported(output, "Data set") == name
        assert reported(output, "Training images") == "300"
        assert reported(output, "Test images") == "20"
        assert joblib.load(tmp_path / "quickstart.joblib")[-1].coefs_[0].dtype == np.float32

    @pytest.mark.skipif(
        REAL_FOLDER is None,
        reason="set SKNN_SCRATCH_DATA to a folder with the sub-folder mnist to train on MNIST",
    )
    def test_mnist(self, tmp_path, capsys):
        quickstart.main(["--dataset", "mnist", "--epochs", "1", "--output", str(tmp_path)])
        output = capsys.readouterr().out
        assert epochs_shown(output) == [1]
        assert reported(output, "Training images") == "60,000"
        # One epoch gave 0.9625 to 0.9655 for the seeds 0 to 4
        assert float(reported(output, "Test accuracy")) >= 0.94

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--dataset", "letters"], "argument --dataset: invalid choice: 'letters'"),
            (["--epochs", "0"], "--epochs must be at least 1, got 0"),
            (["--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
            (["--seed", "-1"], "--seed must be from 0 to 2**32 - 1, got -1"),
        ],
    )
    def test_wrong_option(self, arguments, message, capsys):
        with pytest.raises(SystemExit) as stop:
            quickstart.main(arguments)
        assert stop.value.code == 2
        assert message in capsys.readouterr().err

    def test_missing_folder_is_said_without_a_traceback(self, tmp_path):
        run = run_script(tmp_path, "--dataset", "mnist", "--data", "nowhere")
        assert run.returncode == 1
        assert run.stderr.startswith("Cannot load mnist: The folder nowhere")
        assert "does not hold train-images-idx3-ubyte.gz" in run.stderr
        assert "Use --data" in run.stderr
        assert "Traceback" not in run.stderr
        assert epochs_shown(run.stdout) == []

    def test_damaged_file_is_said(self, tmp_path):
        write_idx_files(tmp_path / "mnist")
        (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"no archive")
        with pytest.raises(SystemExit, match=r"Cannot load mnist: .* is truncated or not"):
            quickstart.main(["--dataset", "mnist", "--data", str(tmp_path)])

    def test_output_that_is_a_file(self, tmp_path):
        path = tmp_path / "file"
        path.touch()
        with pytest.raises(SystemExit, match="Cannot write to the folder of --output"):
            quickstart.main(["--output", str(path)])


class TestCheckSaved:
    def test_accepts_the_same_model(self, fitted, tmp_path):
        data, model = fitted
        joblib.dump(model, tmp_path / "model.joblib")
        quickstart.check_saved(tmp_path / "model.joblib", model, data.X_test)

    def test_rejects_another_model(self, fitted, tmp_path):
        data, model = fitted
        other = clone(model)
        other[-1].set_params(random_state=1)
        quickstart.train(other, data)
        joblib.dump(other, tmp_path / "model.joblib")
        with pytest.raises(SystemExit, match="predicts other probabilities"):
            quickstart.check_saved(tmp_path / "model.joblib", model, data.X_test)

    def test_rejects_almost_the_same_model(self, fitted, tmp_path):
        data, model = fitted
        path = tmp_path / "model.joblib"
        joblib.dump(model, path)
        other = joblib.load(path)
        other[-1].coefs_[-1] *= 1 + 1e-6  # within the tolerance of np.allclose
        joblib.dump(other, path)
        with pytest.raises(SystemExit, match="predicts other probabilities"):
            quickstart.check_saved(path, model, data.X_test)


class TestFigure:
    def test_title_names_the_data_set(self, figure):
        assert figure.get_suptitle() == "MLPScratchClassifier on digits"

    def test_curves_are_the_history(self, axes, fitted):
        history = fitted[1][-1].history_
        for ax, name in zip(axes, ["loss", "accuracy"], strict=False):
            curve = ax.lines[0]
            np.testing.assert_array_equal(curve.get_xdata(), [1, 2])
            np.testing.assert_array_equal(curve.get_ydata(), history[name])

    def test_test_accuracy_is_a_labelled_line(self, axes):
        line = axes[1].lines[1]
        assert set(line.get_ydata()) == {0.5}
        labels = [text.get_text() for text in axes[1].get_legend().get_texts()]
        assert labels[1] == "test, after training: 0.5000"

    def test_lines_differ_without_colour(self, axes):
        styles = {(line.get_linestyle(), line.get_marker()) for line in axes[1].lines}
        assert len(styles) == 2

    def test_axes_are_labelled(self, axes):
        assert [(ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) for ax in axes[:2]] == [
            ("Loss", "epoch", "mean loss per sample"),
            ("Accuracy", "epoch", "accuracy (share of images)"),
        ]

    def test_cells_count_the_test_images(self, axes, fitted):
        data, model = fitted
        predicted = model.predict(data.X_test)
        counts = np.zeros((10, 10), dtype=int)
        np.add.at(counts, (data.y_test, predicted), 1)
        shown = np.array([int(text.get_text()) for text in axes[2].texts]).reshape(10, 10)
        visible = np.array([text.get_visible() for text in axes[2].texts]).reshape(10, 10)
        np.testing.assert_array_equal(shown, counts)
        np.testing.assert_array_equal(visible, counts > 0)
        n_wrong = np.count_nonzero(predicted != data.y_test)
        assert axes[2].get_title() == f"Confusion matrix: {n_wrong} of 450 test images wrong"
