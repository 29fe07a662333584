"""What tests and doctests share."""

from importlib.util import find_spec

import numpy as np
import pytest

# The kernels cannot be imported where numba is not installed
collect_ignore_glob = [] if find_spec("numba") else ["sknn_scratch/engine/kernels/*"]


@pytest.fixture(autouse=True)
def same_numbers_in_every_run():
    """Seed the generator from which networks without a random_state draw."""
    np.random.seed(0)
