"""How weights and biases are drawn before training.

An initialiser is a function (random_state, fan_in, fan_out, gain) -> (weights, biases). `gain`
belongs to the activation. Weights are drawn before biases, as in scikit-learn. To add an
initialiser, write such a function and one line in `INITIALIZERS`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from sknn_scratch.engine.parameters import Parameters

__all__ = ["INITIALIZERS", "Initializer", "draw_parameters"]

Drawn = tuple[np.ndarray, np.ndarray]
Initializer = Callable[[np.random.RandomState, int, int, float], Drawn]


def glorot_uniform(
    random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float
) -> Drawn:
    """Weights and biases uniform within sqrt(gain / (fan_in + fan_out)) (Glorot, Bengio 2010)."""
    bound = np.sqrt(gain / (fan_in + fan_out))
    weights = random_state.uniform(-bound, bound, (fan_in, fan_out))
    return weights, random_state.uniform(-bound, bound, fan_out)


def he_normal(random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float) -> Drawn:
    """Weights normal with variance 2 / fan_in, biases zero (He et al. 2015, eq. 10)."""
    return random_state.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def he_uniform(
    random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float
) -> Drawn:
    """Weights uniform with variance 2 / fan_in, biases zero (He et al. 2015, eq. 10)."""
    bound = np.sqrt(6 / fan_in)  # a uniform number within ±b has the variance b^2 / 3
    return random_state.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def lecun_normal(
    random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float
) -> Drawn:
    """Weights normal with variance 1 / fan_in, biases zero (LeCun et al. 1998, section 4.6)."""
    return random_state.normal(0, np.sqrt(1 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def lecun_uniform(
    random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float
) -> Drawn:
    """Weights uniform within 1 / sqrt(fan_in), biases zero.

    The variance is a third of what LeCun et al. (1998, section 4.6) ask for.
    """
    bound = 1 / np.sqrt(fan_in)  # as torch.nn.Linear draws its weights
    return random_state.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def normal(random_state: np.random.RandomState, fan_in: int, fan_out: int, gain: float) -> Drawn:
    """Weights and biases normal with standard deviation 0.1."""
    weights = random_state.normal(0, 0.1, (fan_in, fan_out))
    return weights, random_state.normal(0, 0.1, fan_out)


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "normal": normal,
}


def draw_parameters(
    params: Parameters,
    initializer: Initializer,
    gains: Sequence[float],
    random_state: np.random.RandomState,
) -> None:
    """Fill `params` layer by layer; `gains` has a number for each layer."""
    # In scikit-learn's order, so that the same random_state draws the same numbers
    for weights, biases, gain in zip(params.weights, params.biases, gains, strict=True):
        fan_in, fan_out = weights.shape
        weights[...], biases[...] = initializer(random_state, fan_in, fan_out, gain)
