"""First-order solvers: how a gradient becomes an update of the parameters.

A solver is a frozen record of hyper-parameters, filled from the estimator's parameters of the same
names. Its state is a record of its own, so that training can stop, be saved, and go on. A solver
sees vectors only; it knows no layers.

Solvers minimise F = f + g. The smooth part f enters through its gradient. The other part g (an L1
penalty) enters through its proximal operator ``prox(flat, rate)``, which is None if F has no such
part. To add a solver, write a class derived from `Solver` and one line in `SOLVERS`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from sknn_scratch.engine.parameters import Parameters

__all__ = ["SOLVERS", "Solver"]


Prox = Callable[[np.ndarray, float | np.ndarray], None]


@dataclass(frozen=True)
class Solver(ABC):
    """The rule of one update.

    A class derived from this one is a frozen dataclass as well. It defines `full_batch`, `init` and
    `step`, and `state_vectors` if its state has any.

    Attributes
    ----------
    full_batch : bool
        True if the method needs exact gradients: an epoch is then a single step.
    ignored_schedules : frozenset of str
        Names of learning rate schedules that do not apply to this solver. Its learning rate then
        stays constant.
    weight_decay : float
        Decoupled weight decay. The training loop applies it before each step.
    """

    ignored_schedules: ClassVar[frozenset[str]] = frozenset()

    weight_decay: float = field(default=0.0, kw_only=True)

    @property
    @abstractmethod
    def full_batch(self) -> bool:
        pass  # a class attribute, rather than a property, in the classes derived from this one

    @abstractmethod
    def init(self, params: Parameters) -> Any:
        """Return the state before the first step, of the dtype and shape of `params`."""

    def point(self, params: Parameters, state: Any) -> Parameters:
        """Return the parameters at which the gradient is wanted; the same object at every step."""
        return params

    @abstractmethod
    def step(
        self,
        params: Parameters,
        grad: np.ndarray,
        state: Any,
        learning_rate: float,
        prox: Prox | None,
    ) -> None:
        """Update `params` and `state` in place; the vector `grad` is overwritten."""

    def restarted_at(self, params: Parameters, state: Any) -> Any:
        """Return the state to continue with after `params` were set to other values."""
        return state

    def state_vectors(self, state: Any) -> list[np.ndarray]:
        """Return the vectors in the state that have an entry for each parameter."""
        return []


@dataclass(frozen=True)
class GradientDescent(Solver):
    """p <- prox(p - learning_rate * grad f(p)): steepest descent; with an L1 penalty, ISTA."""

    full_batch = True

    def init(self, params):
        return None

    def step(self, params, grad, state, learning_rate, prox):
        grad *= learning_rate  # in its own memory, so that a step allocates no vector
        params.flat -= grad
        if prox is not None:
            prox(params.flat, learning_rate)


@dataclass
class NesterovState:
    """The look-ahead point q, and t_k, which sets the weight of the next look-ahead."""

    q: Parameters
    t: float = 1.0


@dataclass(frozen=True)
class Nesterov(Solver):
    """Nesterov's accelerated gradient (1983); with an L1 penalty, FISTA.

    In the notation of Beck and Teboulle (2009, eq. 4.1 to 4.3), with q for their y::

        p_k     = prox(q_k - learning_rate * grad f(q_k))
        t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2
        q_{k+1} = p_k + (t_k - 1) / t_{k+1} * (p_k - p_{k-1})

    The gradient is taken at q. The model is p.

    With `restart` the momentum is dropped, t = 1 and q = p, whenever the last update went uphill:
    (q_k - p_k)^T (p_k - p_{k-1}) > 0. Here q_k - p_k is the learning rate times the (proximal)
    gradient (O'Donoghue and Candes, 2015, the gradient scheme of section 3.2).
    """

    full_batch = True
    restart: bool = False

    def init(self, params):
        return NesterovState(q=params.copy())

    def point(self, params, state):
        return state.q

    def step(self, params, grad, state, learning_rate, prox):
        q = state.q
        before = q.flat.copy() if self.restart else None  # the only copy; it is needed at the end
        grad *= learning_rate
        q.flat -= grad
        if prox is not None:
            prox(q.flat, learning_rate)
        change = np.subtract(q.flat, params.flat, out=grad)
        params.flat[...] = q.flat  # p_k, before q goes on to q_{k+1}
        t_next = (1 + (1 + 4 * state.t**2) ** 0.5) / 2
        momentum = (state.t - 1) / t_next
        if self.restart:
            before -= q.flat
            if np.vecdot(before, change) > 0:
                t_next, momentum = 1.0, 0.0
        change *= momentum
        q.flat += change
        state.t = t_next

    def restarted_at(self, params, state):
        # q looks ahead of the old weights, along a momentum that led to them
        return self.init(params)

    def state_vectors(self, state):
        return [state.q.flat]


# Elements of a chunk. The vectors of a step then stay in the cache from one pass to the next. With
# 1.7 million parameters in float32 a step of Adam takes 2.1 ms in chunks, 3.6 ms in one piece.
CHUNK = 2**16


def in_chunks(*vectors: np.ndarray) -> Sequence[Sequence[np.ndarray]]:
    """Split vectors of the same length into matching chunks, which are views."""
    size = vectors[0].size
    if size <= CHUNK:
        return [vectors]
    return [[v[start : start + CHUNK] for v in vectors] for start in range(0, size, CHUNK)]


@dataclass
class SGDState:
    """Momentum times the velocity, shaped like the vector of parameters."""

    momentum_v: np.ndarray


@dataclass(frozen=True)
class SGD(Solver):
    """Stochastic gradient descent with momentum, as in scikit-learn.

    v <- momentum * v - learning_rate * grad;  p <- p + v.

    With Nesterov's momentum, p <- p + momentum * v - learning_rate * grad. This is his method in a
    shifted variable, in which p is the look-ahead point (Sutskever et al., 2013, appendix).

    With an L1 penalty its subgradient, taken at the new point, enters the velocity too. The rate of
    the proximal operator is the whole factor of the gradient in the update of p. The change that it
    makes to p is added to v in the same proportion as a gradient. Otherwise the penalty would be
    too weak by the factor (1 - momentum).
    """

    full_batch = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True

    def init(self, params):
        return SGDState(momentum_v=np.zeros_like(params.flat))

    def state_vectors(self, state):
        return [state.momentum_v]

    def step(self, params, grad, state, learning_rate, prox):
        for p, g, v in in_chunks(params.flat, grad, state.momentum_v):
            g *= -learning_rate
            v += g  # momentum times the last velocity becomes the velocity
            if self.nesterovs_momentum:
                v *= self.momentum
                g += v  # momentum * v - learning_rate * grad
                p += g
            else:
                p += v
                v *= self.momentum
        if prox is not None:
            # A gradient enters p once directly and, with Nesterov's momentum, once more through v
            factor = 1 + self.momentum if self.nesterovs_momentum else 1.0
            before = grad  # its memory, which is free now
            before[...] = params.flat
            prox(params.flat, factor * learning_rate)
            change = np.subtract(params.flat, before, out=grad)
            change *= self.momentum / factor
            state.momentum_v += change


@dataclass
class AdamState:
    """Moments m / (1 - beta_1) and v / (1 - beta_2), and the number of steps made."""

    m: np.ndarray
    v: np.ndarray
    t: int = 0


@dataclass(frozen=True)
class Adam(Solver):
    """Adam (Kingma and Ba, 2015), with the bias corrections in one factor, as in their section 2.

    ::

        m <- beta_1 m + (1 - beta_1) grad
        v <- beta_2 v + (1 - beta_2) grad^2
        p <- p - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    The state keeps m / (1 - beta_1) and v / (1 - beta_2), and the update makes up for the missing
    factors. This saves two passes over the parameters and a temporary.

    With an L1 penalty the proximal operator is taken in Adam's own metric. The rate of coordinate i
    is the factor by which Adam multiplies m_i (Duchi, Hazan and Singer, 2011, section 5.1, for
    AdaGrad; Melchior, Joseph and Moolekamp, 2019, for Adam).
    """

    full_batch = False
    # As in scikit-learn. Its names, not the classes: "plateau" is the same class, and applies
    ignored_schedules = frozenset({"invscaling", "adaptive"})
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def init(self, params):
        return AdamState(m=np.zeros_like(params.flat), v=np.zeros_like(params.flat))

    def state_vectors(self, state):
        return [state.m, state.v]

    def step(self, params, grad, state, learning_rate, prox):
        state.t += 1
        # Python's floats: a scalar of numpy's would make the float32 updates several times slower
        scale = (1 - self.beta_2) ** 0.5
        factor = learning_rate * (1 - self.beta_2**state.t) ** 0.5 / (1 - self.beta_1**state.t)
        factor *= (1 - self.beta_1) / scale
        for p, g, m, v in in_chunks(params.flat, grad, state.m, state.v):
            m *= self.beta_1
            m += g
            g *= g  # from here on the memory of the gradient is free
            v *= self.beta_2
            v += g
            root = np.sqrt(v, out=g)
            root += self.epsilon / scale
            update = np.divide(m, root, out=g)
            update *= factor
            p -= update
        if prox is not None:
            # A second root costs less than an array to keep the first in
            root = np.sqrt(state.v, out=grad)
            root += self.epsilon / scale
            rate = np.divide(factor / (1 - self.beta_1), root, out=grad)
            prox(params.flat, rate)


SOLVERS: dict[str, type[Solver]] = {
    "gd": GradientDescent,
    "nag": Nesterov,
    "sgd": SGD,
    "adam": Adam,
}
