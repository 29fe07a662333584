"""What the studies share: options, data, training with progress, the file of results."""

import argparse
import json
import os
import platform
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_info

import sknn_scratch
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.datasets import DATASETS

QUICK = {"images": 2_000, "hidden_units": 32, "epochs": 3}  # at most, with --quick


@dataclass(frozen=True, eq=False)
class Part:
    """Images as rows of centred numbers in float32, and their labels."""

    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Data:
    """A data set in three parts."""

    training: Part
    validation: Part
    test: Part
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]


def parse_options(description, arguments, *, n_seeds=1):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder that holds the data; default: the environment variable SKNN_SCRATCH_DATA, "
        "else they are fetched from OpenML",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path(),
        help="where to write the results and the figures; default: the current folder",
    )
    parser.add_argument("--quick", action="store_true", help="a small part, to see that it runs")
    parser.add_argument(
        "--seeds", type=int, metavar="N", default=n_seeds, help=f"seeds 0 to N - 1, N: {n_seeds}"
    )
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    try:  # before the training, not to fail after it
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"cannot write to the folder of --output: {error}")
    return options


def load(name, options, *, n_validation, scaled=True):
    """Return the data set, with `n_validation` of the training images held out for validation.

    The parts are the same for all seeds. From each, the mean of each pixel over the training
    images is subtracted; if `scaled`, all are then divided by the one standard deviation of these.
    """
    try:
        data = DATASETS[name](options.data)
    # A file is missing or damaged, or OpenML cannot be reached or lacks pandas to read with
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"Cannot load {name}: {error}\nUse --data to say which folder holds {name}.")
    rows, held_out = train_test_split(
        np.arange(len(data.y_train)), test_size=n_validation, stratify=data.y_train, random_state=0
    )
    test = np.arange(len(data.y_test))
    if options.quick:
        rows, held_out, test = (part[: QUICK["images"]] for part in (rows, held_out, test))
    training, validation, test = centred(
        Part(data.X_train[rows], data.y_train[rows]),
        Part(data.X_train[held_out], data.y_train[held_out]),
        Part(data.X_test[test], data.y_test[test]),
        scaled=scaled,
    )
    return Data(training, validation, test, data.class_names, data.image_shape)


def centred(training, *others, scaled):
    """Centre the pixels; if `scaled`, divide all by one number: pixels share one unit."""
    mean = training.X.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = np.float32((training.X - mean).std(dtype=np.float64) if scaled else 1)
    return [Part((part.X - mean) / scale, part.y) for part in (training, *others)]


def adapted(settings, options):
    """Return the settings, with --quick those of a small network and a few epochs."""
    if not options.quick:
        return settings
    units = tuple(min(n, QUICK["hidden_units"]) for n in settings["hidden_layer_sizes"])
    epochs = min(settings["max_iter"], QUICK["epochs"])
    return settings | {"hidden_layer_sizes": units, "max_iter": epochs}


def network(settings, seed):
    """Return an untrained network that will go on to its last epoch, without `alpha`."""
    defaults = {"alpha": 0.0, "n_iter_no_change": settings["max_iter"]}
    return MLPScratchClassifier(**defaults | settings, random_state=seed)


def fit(model, part, **validation):
    """Fit the model; to stop after the last epoch is the plan, not a failure to converge."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Stochastic Optimizer: Maximum iterations", ConvergenceWarning
        )
        return model.fit(part.X, part.y, **validation)


def evaluate(model, part):
    """Return loss (without penalties) and accuracy of the model on a part of the data."""
    probabilities = model.predict_proba(part.X)
    return {
        "loss": log_loss(part.y, probabilities, labels=model.classes_),
        "accuracy": accuracy_score(part.y, model.classes_[probabilities.argmax(axis=1)]),
    }


def run(settings, data, seed, label, rule=None):
    """Train a network and return it with a record: figures per epoch, and at the end.

    `rule` is a stopping rule, a function of the history.
    """
    model = network(settings, seed)
    progress = Progress(f"{label}, seed {seed}", model.max_iter)

    def stop_when(history):
        progress.show(**{name: history[name][-1] for name in ("loss", "validation_score")})
        return rule is not None and rule(history)

    start = time.perf_counter()
    model.set_params(stop_when=stop_when)
    fit(model, data.training, X_val=data.validation.X, y_val=data.validation.y)
    seconds = time.perf_counter() - start
    record = {
        "seed": seed,
        "parameters": model.n_parameters_,
        "epochs": model.n_iter_,
        "seconds": seconds,
        "training": evaluate(model, data.training),
        "validation": evaluate(model, data.validation),
        "history": model.history_,
    }
    print(
        f"{label}, seed {seed}: accuracy {record['training']['accuracy']:.4f} in-sample, "
        f"{record['validation']['accuracy']:.4f} on validation ({seconds:.0f} s)",
        flush=True,
    )
    return model, record


def compare(networks, data, n_seeds):
    """Train each network with each seed; return the models and their records, by name."""
    models, results = {}, {}
    for name, settings in networks.items():
        pairs = [run(settings, data, seed, name) for seed in range(n_seeds)]
        models[name], results[name] = map(list, zip(*pairs, strict=True))
    return models, results


def best_on_validation(results):
    """Return the name of the network with the best validation accuracy, as a mean over seeds."""
    return max(results, key=lambda name: mean_accuracy(results[name], "validation"))


def mean_accuracy(records, part):
    """Return the mean over the seeds of the accuracy at the end of training."""
    return float(np.mean([record[part]["accuracy"] for record in records]))


def test_once(name, models, records, part):
    """Add the figures of the test set to the records of a network."""
    for model, record in zip(models, records, strict=True):
        record["test"] = evaluate(model, part)
    print(f"{name}: test accuracy {mean_accuracy(records, 'test'):.4f}")


def with_mirrored(part, image_shape):
    """Return the images and, after them, their mirror images, with the same labels."""
    images = part.X.reshape(-1, *image_shape)
    mirrored = images[:, :, ::-1].reshape(part.X.shape)
    return Part(np.concatenate([part.X, mirrored]), np.concatenate([part.y, part.y]))


def with_shifted(part, image_shape):
    """Return the images and, after them, those moved by a pixel left, right, up and down."""
    images = part.X.reshape(-1, *image_shape)
    # What is moved in at a border is what was moved out at the other: the background, in MNIST
    moved = [np.roll(images, by, axis) for axis in (2, 1) for by in (-1, 1)]
    X = np.concatenate([images, *moved]).reshape(-1, part.X.shape[1])
    return Part(X, np.tile(part.y, 5))


class Progress:
    """Lines on stderr, one per epoch but not more than one per second, with the time left."""

    def __init__(self, label, n_epochs, unit="epoch"):
        self.label, self.n_epochs, self.unit = label, n_epochs, unit
        self.epoch = 0
        self.start = self.shown = time.perf_counter()

    def show(self, **figures):
        """Count an epoch, and show it where the last line is a second old, or it is the last."""
        self.epoch += 1
        now = time.perf_counter()
        if now - self.shown < 1 and self.epoch < self.n_epochs:
            return
        self.shown = now
        left = (now - self.start) * (self.n_epochs / self.epoch - 1)
        values = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        done = f"{self.label}: {self.unit} {self.epoch} of {self.n_epochs}"
        print(f"{done}, {values}, {left:.0f} s left", file=sys.stderr, flush=True)


def save_results(name, options, settings, start, results):
    """Write the file of results, with all that it takes to understand and repeat them."""
    path = options.output / f"{name}.json"
    content = {
        "study": name,
        "quick": options.quick,
        "seeds": list(range(options.seeds)),
        "settings": settings,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "sknn_scratch": sknn_scratch.__version__,
        },
        "machine": {
            "cores": os.cpu_count(),
            "blas": [{k: p[k] for k in ("internal_api", "num_threads")} for p in threadpool_info()],
        },
        "seconds": time.perf_counter() - start,
        "results": results,
    }
    path.write_text(json.dumps(content, indent=1, default=as_builtin, allow_nan=False) + "\n")
    print(f"Results: {path}")


def as_builtin(value):
    """Return a number or array of numpy as json knows it."""
    return value.tolist()


def save_figure(figure, options, name, title):
    """Write a figure as PNG, with a title above all of it."""
    figure.suptitle(title)
    path = options.output / f"{name}.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    print(f"Figure:  {path}")
