"""What tests and doctests share."""

from importlib.util import find_spec

import numpy as np
import pytest

# Their doctests are looked for in the module that they name as theirs, once they are there
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor  # noqa: F401

# The kernels cannot be imported where numba is not installed
collect_ignore_glob = [] if find_spec("numba") else ["sknn_scratch/engine/kernels/*"]


@pytest.fixture(autouse=True)
def same_numbers_in_every_run():
    """Seed the generator from which networks without a random_state draw."""
    np.random.seed(0)
