"""Types of what callers hand to the estimators, for annotations."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix

MatrixLike = ArrayLike | sparray | spmatrix
RandomState = int | np.random.RandomState | None
OneOrEach = float | Sequence[float] | np.ndarray  # one number, or one for each layer
History = dict[str, list[float]]
StoppingRule = Callable[[History], bool]
