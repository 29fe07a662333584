"""What is trained: the data, the size of the network, the solver, the number of epochs."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_covtype, load_digits, load_iris, make_circles
from sklearn.preprocessing import StandardScaler

from sknn_scratch.datasets import DATASETS


@dataclass(frozen=True)
class Job:
    """One training, the same for whoever does it; y holds the labels 0 to n_classes - 1."""

    X: np.ndarray
    y: np.ndarray
    n_classes: int
    hidden: tuple[int, ...]
    solver: str
    batch_size: int
    learning_rate: float
    epochs: int
    alpha: float = 1e-4
    epsilon: float = 1e-8
    shuffle: bool = True
    seed: int = 0

    @property
    def units(self):
        """The number of units of each layer; two classes need one output."""
        return self.X.shape[1], *self.hidden, 1 if self.n_classes == 2 else self.n_classes


@dataclass(frozen=True)
class Shape:
    """A kind of job; `load(folder)` gives all the X and y of the data set.

    rows : how many of them are trained on. dtypes : the one of the goal first.
    """

    name: str
    load: Callable
    rows: int
    n_classes: int
    hidden: tuple[int, ...]
    solver: str
    batch_size: int
    learning_rate: float
    epochs: int
    dtypes: tuple[str, str]

    def quick(self):
        """Return the same with next to no work, to see that it runs."""
        return replace(self, rows=min(self.rows, 300), epochs=2)

    def data(self, folder):
        """Return the X and y that are trained on."""
        X, y = self.load(folder)
        return X[: self.rows], y[: self.rows]

    def job(self, X, y, dtype):
        """Return the job on these data in `dtype`."""
        return Job(
            X=np.ascontiguousarray(X, dtype=dtype),
            y=y,
            n_classes=self.n_classes,
            hidden=self.hidden,
            solver=self.solver,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            epochs=self.epochs,
        )


def load_circles(folder):
    """Return 500 points on two circles, one in the other."""
    return make_circles(500, noise=0.1, factor=0.5, random_state=0)


def load_standardised_iris(folder):
    """Return iris, each column with mean 0 and variance 1."""
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def load_scaled_digits(folder):
    """Return scikit-learn's digits, pixels from 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def load_images(name, folder):
    """Return the training images, pixels from 0 to 1."""
    data = DATASETS[name](folder)
    return data.X_train, data.y_train


def load_covertype(folder):
    """Return covertype in a random order, each column with mean 0 and variance 1.

    It is read from tabular/covertype.npz in the folder that was named, else fetched.
    """
    folder = folder or os.environ.get("SKNN_SCRATCH_DATA")
    if folder:
        with np.load(Path(folder).expanduser() / "tabular" / "covertype.npz") as file:
            X, y = file["X"], file["y"]
    else:
        X, y = fetch_covtype(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X = StandardScaler().fit_transform(X[order].astype(np.float32))
    return X, y[order].astype(np.int64) - 1  # its classes are 1 to 7


SINGLE_FIRST = ("float32", "float64")
DOUBLE_FIRST = ("float64", "float32")

SHAPES = {
    shape.name: shape
    for shape in [
        Shape(
            name="iris",
            load=load_standardised_iris,
            rows=150,
            n_classes=3,
            hidden=(16,),
            solver="sgd",
            batch_size=150,
            learning_rate=0.05,
            epochs=3000,
            dtypes=DOUBLE_FIRST,
        ),
        Shape(
            name="circles",
            load=load_circles,
            rows=500,
            n_classes=2,
            hidden=(100,),
            solver="sgd",
            batch_size=10,
            learning_rate=0.01,
            epochs=100,
            dtypes=DOUBLE_FIRST,
        ),
        Shape(
            name="digits",
            load=load_scaled_digits,
            rows=1797,
            n_classes=10,
            hidden=(100,),
            solver="adam",
            batch_size=200,
            learning_rate=0.001,
            epochs=100,
            dtypes=DOUBLE_FIRST,
        ),
        Shape(
            name="fashion-mnist",
            load=partial(load_images, "fashion-mnist"),
            rows=20_000,
            n_classes=10,
            hidden=(50,),
            solver="sgd",
            batch_size=256,
            learning_rate=0.01,
            epochs=5,
            dtypes=SINGLE_FIRST,
        ),
        Shape(
            name="mnist",
            load=partial(load_images, "mnist"),
            rows=20_000,
            n_classes=10,
            hidden=(256,),
            solver="adam",
            batch_size=128,
            learning_rate=0.001,
            epochs=3,
            dtypes=SINGLE_FIRST,
        ),
        Shape(
            name="cifar-10",
            load=partial(load_images, "cifar-10"),
            rows=10_000,
            n_classes=10,
            hidden=(512, 256),
            solver="sgd",
            batch_size=256,
            learning_rate=0.01,
            epochs=2,
            dtypes=SINGLE_FIRST,
        ),
        Shape(
            name="covertype",
            load=load_covertype,
            rows=60_000,
            n_classes=7,
            hidden=(100,),
            solver="adam",
            batch_size=200,
            learning_rate=0.001,
            epochs=5,
            dtypes=DOUBLE_FIRST,
        ),
    ]
}
