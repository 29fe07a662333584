"""What all tests share."""

from collections import defaultdict

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

# ci, the default, draws the same examples on every run. dev draws others each time, to find what
# those have missed: pytest tests/unit --hypothesis-profile dev. No deadlines: machines may be busy.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("dev", deadline=None, max_examples=500, print_blob=True)
settings.load_profile("ci")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Keep BLAS to one thread.

    The problems are small: two threads are several times slower on them beside a busy process, and
    sums are then added in the same order as in the processes of a search, which take one each.
    """
    with threadpool_limits(1):
        yield


# By measured times: the long tail is cases of tests that have many, each of some milliseconds
CASES_IN_THE_FAST_LANE = 5


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Mark as slow the cases of a test beyond about five, which are spread over them all."""
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    for of_one_test in cases.values():
        # Odd, so that of a parameter with two or four values each has its turn
        stride = -(-len(of_one_test) // CASES_IN_THE_FAST_LANE) | 1
        for number, item in enumerate(of_one_test):
            if number % stride:
                item.add_marker(pytest.mark.slow)
