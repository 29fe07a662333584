"""The tables on which the recipe of `sknn_scratch.tabular` is measured, and how they are split.

The constants of the recipe were chosen on these tables.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

MOST_ROWS = 5000  # of a training set, and of a test set


@dataclass(frozen=True)
class Table:
    """A table: `load(folder)` gives all of it, as a data frame X and an array y."""

    name: str
    load: Callable
    has_classes: bool = True

    def split(self, folder, seed, most_rows=MOST_ROWS):
        """Return X and y to train on, then X and y to test on.

        One half of a table is trained on, of a table of less than 2,000 rows seven tenths.
        """
        X, y = self.load(folder)
        if self.has_classes:
            # From 0 on: the temperature of scikit-learn 1.9 takes whole numbers for positions
            y = np.unique(y, return_inverse=True)[1]
        n_train = min(most_rows, int(len(y) * (0.7 if len(y) < 2000 else 0.5)))
        X_train, X_test, y_train, y_test = train_test_split(
            X,
            y,
            train_size=n_train,
            test_size=min(most_rows, len(y) - n_train),
            random_state=seed,
            stratify=y if self.has_classes else None,
        )
        return X_train, y_train, X_test, y_test


def read_csv(name, target, openml, folder, leave_out=()):
    """Return X and y of a file in the sub-folder tabular, or of OpenML where no folder is named."""
    import pandas  # not above: other parts of the benchmarks do without

    if path := path_in(folder, f"{name}.csv.gz"):
        frame = pandas.read_csv(path, na_values=["?", "NA"])
    elif openml is None:
        raise FileNotFoundError(f"{name}.csv.gz is not on OpenML: name a folder that has it")
    else:
        frame = datasets.fetch_openml(**openml).frame
        target = target if target in frame else frame.columns[-1]
    frame = frame[frame[target].notna()].drop(columns=[c for c in leave_out if c in frame])
    return frame.drop(columns=target), frame[target].to_numpy()


def read_npz(name, fetch, folder):
    """Return X and y of a file of arrays in the sub-folder tabular, or what `fetch` returns."""
    import pandas

    if path := path_in(folder, f"{name}.npz"):
        with np.load(path) as file:
            return pandas.DataFrame(file["X"], columns=file["feature_names"]), file["y"]
    X, y = fetch(return_X_y=True, as_frame=True)
    return X, np.asarray(y)


def path_in(folder, name):
    """Return the path of a file in the folder that the user names, or None without a folder."""
    folder = folder or os.environ.get("SKNN_SCRATCH_DATA")
    return Path(folder).expanduser() / "tabular" / name if folder else None


def read_bundled(load, folder):
    """Return X and y of a table that comes with scikit-learn."""
    X, y = load(return_X_y=True, as_frame=True)
    return X, y.to_numpy()


def openml(name, **version):
    """Return how OpenML is asked for a table."""
    return {"name": name, "as_frame": True, **version}


def csv(name, *arguments, **options):
    """Return a function of the folder that reads a file."""
    return lambda folder: read_csv(name, *arguments, folder, **options)


letter = partial(datasets.fetch_openml, "letter", version=1)
CLASSIFICATION = [
    Table("adult", csv("adult", "class", openml("adult", version=2), leave_out=["split"])),
    Table("covertype", partial(read_npz, "covertype", datasets.fetch_covtype)),
    Table("letter", partial(read_npz, "letter", letter)),
    Table("phoneme", csv("phoneme", "nasal_or_oral", openml("phoneme", version=1))),
    Table("mammography", csv("mammography", "calcification", openml("mammography", version=1))),
    Table("wine quality", csv("winequality-white", "quality", None)),
    Table("German credit", csv("german", "risk", openml("credit-g", version=1))),
    Table("penguins", csv("penguins", "species", openml("penguins"))),
    Table("digits", partial(read_bundled, datasets.load_digits)),
    Table("breast cancer", partial(read_bundled, datasets.load_breast_cancer)),
    Table("wine", partial(read_bundled, datasets.load_wine)),
]
REGRESSION = [
    Table("abalone", csv("abalone", "rings", openml("abalone", version=1)), has_classes=False),
    Table("car prices", csv("auto_imports", "price", None), has_classes=False),
    Table("air pollution", csv("pollution", "pm2.5", None, leave_out=["No"]), has_classes=False),
    Table("diabetes", partial(read_bundled, datasets.load_diabetes), has_classes=False),
]
TABLES = {table.name: table for table in [*CLASSIFICATION, *REGRESSION]}
