"""Orders shuffled in compiled code against numpy's, number by number."""

from threading import Thread

import numpy as np
import pytest

from sknn_scratch import MLPScratchClassifier

pytest.importorskip("numba")

import sknn_scratch.engine.compiled as compiled
import sknn_scratch.engine.kernels.twister as twister
from sknn_scratch.engine.kernels.shuffling import shuffle

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def generator(seed, n_drawn):
    """Return a generator that stands amid its 624 numbers."""
    made = np.random.RandomState(seed)
    made.random_sample(n_drawn)
    return made


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 63, 64, 65, 300, 1000])
def test_orders_are_those_of_numpy(n_rows):
    for n_drawn in (0, 1, 311):
        ours, numpys = generator(n_rows, n_drawn), generator(n_rows, n_drawn)
        order, expected = np.arange(n_rows), np.arange(n_rows)
        orders = np.empty((4, n_rows), np.int64)
        state = twister.twister_of(ours)
        state.position = shuffle(state.key, state.position, order, orders)
        for row in orders:
            numpys.shuffle(expected)
            np.testing.assert_array_equal(row, expected)
        np.testing.assert_array_equal(order, expected)
        assert ours.randint(2**31) == numpys.randint(2**31)


X = np.random.RandomState(0).normal(size=(50, 2))
Y = np.arange(50) % 2
STATES = {
    "number": lambda: 3,
    "generator": lambda: np.random.RandomState(3),
    "another": lambda: np.random.RandomState(np.random.PCG64(3)),
    "numpy's own": lambda: None,
}


@pytest.mark.parametrize("name", STATES)
def test_the_weights_and_the_generator_are_the_same(name, monkeypatch):
    def fitted(least):
        monkeypatch.setattr(compiled, "_WORTH_COMPILING", least)
        np.random.seed(3)
        network = MLPScratchClassifier(
            2, max_iter=3, batch_size=20, random_state=STATES[name](), engine="numba"
        ).fit(X, Y)
        random_state = network.random_state
        drawn = random_state.randint(2**31) if hasattr(random_state, "randint") else None
        return network.coefs_[0].tobytes(), drawn, np.random.randint(2**31)

    assert fitted(least=1) == fitted(least=10**9)


def test_a_state_that_lies_otherwise_in_memory_is_left_to_numpy(monkeypatch):
    assert twister.is_known()
    monkeypatch.setattr(twister, "twister_of", lambda generator: twister.Twister())
    monkeypatch.setattr(twister, "is_known", twister.is_known.__wrapped__)
    assert not twister.is_known()
    monkeypatch.setattr(compiled, "_WORTH_COMPILING", 1)
    network = MLPScratchClassifier(2, max_iter=3, random_state=3, batch_size=20, engine="numba")
    expected = MLPScratchClassifier(2, max_iter=3, random_state=3, batch_size=20)
    np.testing.assert_allclose(network.fit(X, Y).coefs_[0], expected.fit(X, Y).coefs_[0])


@pytest.mark.parametrize(("name", "n_calls"), [("number", 1), ("another", 0), ("numpy's own", 0)])
def test_which_generators_compiled_code_draws_from(name, n_calls, monkeypatch):
    calls = []

    class Counting:
        @staticmethod
        def shuffle(*args):
            calls.append(args)
            return shuffle(*args)

    monkeypatch.setattr(compiled, "shuffling", lambda: Counting)
    monkeypatch.setattr(compiled, "_WORTH_COMPILING", 150)
    MLPScratchClassifier(
        2, max_iter=3, batch_size=20, random_state=STATES[name](), engine="numba"
    ).fit(X, Y)
    assert len(calls) == n_calls


def test_two_threads_draw_different_orders_from_one_generator(monkeypatch):
    random_state, orders = np.random.RandomState(3), [np.arange(50), np.arange(50)]
    other_fit = Thread(target=random_state.shuffle, args=orders[:1])

    class Interrupted:
        @staticmethod
        def shuffle(key, position, order, several):
            other_fit.start()
            other_fit.join(0.05)  # it does not end before the generator has its new state
            position = shuffle(key, position, order, several)
            orders[1][:] = order
            return position

    monkeypatch.setattr(compiled, "shuffling", lambda: Interrupted)
    monkeypatch.setattr(compiled, "_WORTH_COMPILING", 1)
    MLPScratchClassifier(
        2, max_iter=1, batch_size=20, random_state=random_state, engine="numba"
    ).fit(X, Y)
    other_fit.join()
    assert (orders[0] != orders[1]).any()
