import copy
import pickle
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sknn_scratch.engine.parameters import Parameters, count_parameters

units = st.lists(st.integers(1, 6), min_size=2, max_size=5)


def numbered(units, dtype=np.float64):
    """Return parameters, all different: 0, 1, 2... along `flat`."""
    params = Parameters.empty(units, dtype)
    params.flat[...] = np.arange(params.flat.size)
    return params


def layers(params):
    return params.weights + params.biases


@given(units)
def test_views_tile_the_vector_exactly_once(units):
    params = numbered(units)
    found = np.concatenate([view.ravel() for view in layers(params)])
    assert_array_equal(np.sort(found), np.arange(params.flat.size))


@given(units)
def test_views_have_the_shapes_of_the_layers(units):
    params = numbered(units)
    assert [W.shape for W in params.weights] == list(pairwise(units))
    assert [b.shape for b in params.biases] == [(n_out,) for n_out in units[1:]]


@given(units)
def test_views_share_the_memory_of_the_vector(units):
    params = numbered(units)
    for view in [*layers(params), params.weights_flat]:
        assert np.shares_memory(view, params.flat)
        view += 0.5
    # each weight is seen by two views, each bias by one
    n_weights = params.weights_flat.size
    added = params.flat - numbered(units).flat
    assert np.all(added[:n_weights] == 1)
    assert np.all(added[n_weights:] == 0.5)


@given(units)
def test_weights_come_first(units):
    params = numbered(units)
    rows = [view.ravel() for view in layers(params)]
    assert_array_equal(np.concatenate(rows), params.flat)
    for W, part in zip(params.weights, params.weight_slices, strict=True):
        assert_array_equal(W.ravel(), params.flat[part])
    assert_array_equal(params.weights_flat, np.concatenate([W.ravel() for W in params.weights]))


@given(units)
def test_count_is_the_number_of_weights_and_biases(units):
    one_by_one = sum(view.size for view in layers(Parameters.empty(units, np.float64)))
    assert count_parameters(units) == one_by_one
    assert Parameters.empty(units, np.float32).flat.shape == (one_by_one,)


@given(units, st.sampled_from([np.float32, np.float64]))
def test_from_layers_copies(units, dtype):
    given = numbered(units)
    params = Parameters.from_layers(given.weights, given.biases, dtype)
    assert params.units == tuple(units)
    assert params.flat.dtype == dtype
    assert_array_equal(params.flat, given.flat)
    assert not np.shares_memory(params.flat, given.flat)


@given(units)
def test_copy_and_view_have_the_same_layout(units):
    params = numbered(units)
    other = np.zeros_like(params.flat)
    view, twin = params.view(other), params.copy()
    assert view.flat is other
    assert not np.shares_memory(twin.flat, params.flat)
    for array, same in zip(layers(params), layers(twin), strict=True):
        assert_array_equal(array, same)
    view.flat[...] = params.flat
    for array, same in zip(layers(params), layers(view), strict=True):
        assert_array_equal(array, same)


@given(units)
def test_pickle_and_deepcopy_keep_the_views_views(units):
    params = numbered(units)
    for twin in (pickle.loads(pickle.dumps(params)), copy.deepcopy(params)):
        assert twin.units == params.units
        assert_array_equal(twin.flat, params.flat)
        twin.flat += 1
        for array, same in zip(layers(params), layers(twin), strict=True):
            assert_array_equal(array + 1, same)


def test_pickle_holds_only_units_and_the_vector():
    params = numbered((40, 30, 20))
    expected = len(pickle.dumps((params.units, params.flat)))
    assert len(pickle.dumps(params)) < expected + 100  # the name of the class
    assert params.__reduce__()[1] == (params.units, params.flat)
