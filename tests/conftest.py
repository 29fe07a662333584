"""What all tests share."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Keep BLAS to one thread.

    The problems are small: two threads are several times slower on them beside a busy process, and
    sums are then added in the same order as in the processes of a search, which take one each.
    """
    with threadpool_limits(1):
        yield
