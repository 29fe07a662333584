"""Activation functions of the hidden layers, and their derivatives.

Each class is one function f, applied to every hidden unit. To add one, write a class derived from
`Activation` and one line in `ACTIVATIONS`; or give the estimator an object of such a class.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from scipy.special import expit, ndtr

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(ABC):
    """A differentiable function of one variable.

    A class derived from this one defines `forward` and `backward`; without them Python refuses to
    make an object of it. `gain` and `needs_z` it may define.

    Attributes
    ----------
    gain : float
        Weights are drawn by Glorot and Bengio's rule within
        ``sqrt(gain / (fan_in + fan_out))``.
    needs_z : bool
        True if f' is computed from z. The network then keeps z in a buffer of its own; otherwise
        `z` and `a` are one and the same array.

    Examples
    --------
    An activation of your own, given to an estimator as an object. Defined in a module that can be
    imported, it goes into model files as well.

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.engine.activations import Activation
    >>> class Arctan(Activation):
    ...     needs_z = True
    ...
    ...     def forward(self, z, a):
    ...         np.arctan(z, out=a)
    ...
    ...     def backward(self, z, a, delta):
    ...         delta /= 1 + z * z
    >>> network = MLPScratchClassifier(
    ...     16, activation=Arctan(), solver="lbfgs", max_iter=1000, random_state=0
    ... )
    >>> network.fit(*load_iris(return_X_y=True)).score(*load_iris(return_X_y=True)) > 0.95
    True
    """

    # A uniform number within ±b has the variance b^2 / 3: 6 makes it 2 / (fan_in + fan_out)
    gain: ClassVar[float] = 6.0
    needs_z: ClassVar[bool] = False

    @abstractmethod
    def forward(self, z: np.ndarray, a: np.ndarray) -> None:
        """Write f(z) into `a`."""

    @abstractmethod
    def backward(self, z: np.ndarray, a: np.ndarray, delta: np.ndarray) -> None:
        """Multiply `delta` by f'(z), given a = f(z); `z` and `a` may be overwritten."""


class Identity(Activation):
    """f(z) = z."""

    def forward(self, z, a):
        pass  # z and a are one array

    def backward(self, z, a, delta):
        pass  # f' = 1


class Logistic(Activation):
    """f(z) = 1 / (1 + exp(-z)), f' = f (1 - f)."""

    gain = 2.0  # scikit-learn's number, so that the same weights are drawn

    def forward(self, z, a):
        expit(z, out=a)

    def backward(self, z, a, delta):
        # Two products in place, instead of an array for f (1 - f)
        delta *= a
        np.subtract(1, a, out=a)
        delta *= a


class Tanh(Activation):
    """f(z) = tanh(z), f' = 1 - f^2."""

    def forward(self, z, a):
        np.tanh(z, out=a)

    def backward(self, z, a, delta):
        a *= a
        np.subtract(1, a, out=a)
        delta *= a


class ReLU(Activation):
    """f(z) = max(z, 0), f' = 1 where z > 0, else 0."""

    def forward(self, z, a):
        np.maximum(z, 0, out=a)

    def backward(self, z, a, delta):
        # Ten times faster than delta[a == 0] = 0: no index is made.
        a[...] = a > 0
        delta *= a


class LeakyReLU(Activation):
    """f(z) = z where z > 0, else z / 100 (Maas, Hannun and Ng, 2013)."""

    slope: ClassVar[float] = 0.01

    def forward(self, z, a):
        np.multiply(z, self.slope, out=a, where=z < 0)  # a is z: other values stay as they are

    def backward(self, z, a, delta):
        a[...] = a > 0  # a has the sign of z
        a *= 1 - self.slope
        a += self.slope
        delta *= a


class ELU(Activation):
    """f(z) = z where z > 0, else exp(z) - 1 (Clevert, Unterthiner and Hochreiter, 2016)."""

    def forward(self, z, a):
        np.expm1(z, out=a, where=z < 0)  # exp(z) - 1 would lose its digits near 0

    def backward(self, z, a, delta):
        np.minimum(a, 0, out=a)  # below 0, f' = exp(z) = f + 1
        a += 1
        delta *= a


class Softplus(Activation):
    """f(z) = log(1 + exp(z)), f' = 1 / (1 + exp(-z)) = 1 - exp(-f)."""

    def forward(self, z, a):
        np.logaddexp(z, 0, out=a)  # log(1 + exp(z)) itself overflows near z = 710

    def backward(self, z, a, delta):
        # -expm1(-f): for small f, 1 - exp(-f) would lose its digits
        np.negative(a, out=a)
        np.expm1(a, out=a)
        np.negative(a, out=a)
        delta *= a


class GELU(Activation):
    """f(z) = z Phi(z), f' = Phi(z) + z phi(z), Phi the normal distribution function.

    The exact form of Hendrycks and Gimpel (2016), not the approximation by tanh.
    """

    needs_z = True

    def forward(self, z, a):
        ndtr(z, out=a)
        a *= z

    def backward(self, z, a, delta):
        # Phi is computed anew: a / z is not defined at 0
        np.multiply(z, z, out=a)
        a *= -0.5
        np.exp(a, out=a)
        a *= float(1 / np.sqrt(2 * np.pi))
        a *= z
        ndtr(z, out=z)
        z += a
        delta *= z


class SiLU(Activation):
    """f(z) = z s, f' = s (1 + z (1 - s)), s = 1 / (1 + exp(-z)) (Elfwing et al., 2018)."""

    needs_z = True

    def forward(self, z, a):
        expit(z, out=a)
        a *= z

    def backward(self, z, a, delta):
        expit(z, out=a)  # anew: a / z is not defined at 0
        delta *= a
        np.subtract(1, a, out=a)
        a *= z
        a += 1
        delta *= a


class Mish(Activation):
    """f(z) = z tanh(log(1 + exp(z))) = z n / (n + 2), n = e (e + 2), e = exp(z) (Misra, 2020).

    f' = (n (n + 2) + 4 z e (1 + e)) / (n + 2)^2: one exponential each way.
    """

    needs_z = True
    # From here on n / (n + 2) is 1 to double precision, and (n + 2)^2 has room in float32
    limit: ClassVar[float] = 20.0

    def forward(self, z, a):
        for rows in _chunks(z):
            e = a[rows]
            np.minimum(z[rows], self.limit, out=e)
            np.exp(e, out=e)
            n = e + 2
            n *= e
            np.add(n, 2, out=e)
            np.divide(n, e, out=e)
            e *= z[rows]

    def backward(self, z, a, delta):
        for rows in _chunks(z):
            w, e = z[rows], a[rows]
            np.minimum(w, self.limit, out=w)
            np.exp(w, out=e)
            n = e + 2
            n *= e
            w *= e
            w *= 4
            e += 1
            w *= e
            np.add(n, 2, out=e)
            n *= e
            n += w
            e *= e
            n /= e
            delta[rows] *= n


class SELU(Activation):
    """f(z) = s z where z > 0, else s t (exp(z) - 1) (Klambauer et al., 2017).

    With these s and t, and weights by 'lecun_normal', layers keep mean 0 and variance 1.
    """

    s: ClassVar[float] = 1.0507009873554805
    t: ClassVar[float] = 1.6732632423543772

    # By chunks and without masks: with `where=` it took 3 to 5 times as long on 40,000 numbers

    def forward(self, z, a):
        for rows in _chunks(z):
            negative = np.minimum(z[rows], 0)
            np.expm1(negative, out=negative)
            negative *= self.s * self.t
            positive = a[rows]  # a is z
            np.maximum(positive, 0, out=positive)
            positive *= self.s
            positive += negative

    def backward(self, z, a, delta):
        for rows in _chunks(a):
            slope = a[rows]
            step = np.greater(slope, 0, out=np.empty_like(slope))
            step *= self.s - self.s * self.t
            np.minimum(slope, 0, out=slope)
            slope += self.s * self.t  # below 0, f' = s t exp(z) = f + s t
            slope += step
            delta[rows] *= slope


class HardSwish(Activation):
    """f(z) = z h, h = (z + 3) / 6 within [0, 1] (Howard et al., 2019).

    f' = 0 where z < -3, 1 where z > 3, else (2 z + 3) / 6. Without an exponential.
    """

    needs_z = True

    def forward(self, z, a):
        np.add(z, 3, out=a)
        np.clip(a, 0, 6, out=a)
        a *= z
        a *= 1 / 6

    def backward(self, z, a, delta):
        np.multiply(z, 1 / 3, out=a)
        a += 0.5
        np.copyto(a, 0, where=z < -3)
        np.copyto(a, 1, where=z > 3)
        delta *= a


class Sine(Activation):
    """f(z) = sin(z), f' = cos(z) (Sitzmann et al., 2020)."""

    needs_z = True

    def forward(self, z, a):
        np.sin(z, out=a)

    def backward(self, z, a, delta):
        np.cos(z, out=a)
        delta *= a


def _chunks(array: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows with about 2^13 numbers: what is made of them stays in the cache."""
    n_rows = max(1, 2**13 * len(array) // max(1, array.size))
    for start in range(0, len(array), n_rows):
        yield slice(start, start + n_rows)


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "softplus": Softplus,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "selu": SELU,
    "hard_swish": HardSwish,
    "sine": Sine,
}
