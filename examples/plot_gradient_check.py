r"""
Is the gradient right?
======================

Backpropagation is easily written with a mistake in it, and training with a gradient that is a
little wrong often still goes downhill. Two independent computations tell.

The first is the definition of the derivative. The central difference of the function that is
minimised, with all its penalties,

.. math:: \frac{\partial F}{\partial p} \approx \frac{F(p + h) - F(p - h)}{2 h},

is off by :math:`O(h^2)` only, and needs nothing but values of F. The second is backpropagation
once more, one sample at a time and in plain loops, as the equations are on paper.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.activations import Activation
from sknn_scratch.gradient_check import check_gradient
from sknn_scratch.plotting import GradientCheckDisplay
from sknn_scratch.reference import objective_and_gradient

# One epoch is enough here: a gradient must be right at any weights.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# Backpropagation against central differences
# -------------------------------------------
# A network 64-16-10 with an elastic net, :math:`\lambda_1 \|W\|_1 + \lambda_2 \|W\|_2^2` for each
# weight matrix. Each of its 1210 parameters is checked, on a batch of one sample and on one of ten.

X, y = load_digits(return_X_y=True)
X = X / 16
network = MLPScratchClassifier(
    16, "softplus", l1=[1e-3, 2e-3], l2=[2e-3, 1e-3], max_iter=1, random_state=0
)
network.fit(X, y)

BATCH_SIZES = (1, 10)
checks = {B: check_gradient(network, X[:B], y[:B]) for B in BATCH_SIZES}
for B, check in checks.items():
    print(f"B = {B}\n{check}\n")

fig, axes = plt.subplots(1, 2, figsize=(11, 5.8), layout="constrained")
for ax, (B, check) in zip(axes, checks.items(), strict=True):
    GradientCheckDisplay(check).plot(ax=ax)
    ax.set_title(f"B = {B}: {ax.get_title().lower()}", fontsize="medium")

# %%
# Matrices against loops
# ----------------------
# For a sample with activations :math:`a_0 = x, a_1, \dots` and
# :math:`\delta_l = \partial \mathrm{loss} / \partial z_l`,
#
# .. math::
#
#     \frac{\partial \mathrm{loss}}{\partial W_l} = a_{l-1} \, \delta_l^T, \qquad
#     \frac{\partial \mathrm{loss}}{\partial b_l} = \delta_l, \qquad
#     \delta_{l-1} = (W_l \, \delta_l) \circ f'(z_{l-1}).
#
# ``sknn_scratch.reference`` is just this, in loops over layers and samples. Averaged over the
# samples, its gradients are those that the estimator computes by products of matrices. They differ
# by rounding: sums are added up in another order.

loops = {}
for B in BATCH_SIZES:
    _, by_weights, by_biases = objective_and_gradient(network, X[:B], y[:B])
    loops[B] = np.concatenate([array.ravel() for array in by_weights + by_biases])
    worst = np.abs(loops[B] - checks[B].backprop).max()
    print(f"B = {B:>2}: largest difference between loop and matrix {worst:.1e}")

# %%
# What a mistake looks like
# -------------------------
# A mistake that is easily made: to forget the factor :math:`f'(z)`. Here is a softplus whose author
# did. The last layer does not know of it, and its points are on the diagonal. All that lies before
# the activation, W1 and b1, is off: softplus has a derivative between 0 and 1. Most of these
# therefore come out too large.


class CarelessSoftplus(Activation):
    """log(1 + exp(z)), its derivative forgotten."""

    def forward(self, z, a):
        """Write f(z) into `a`."""
        np.logaddexp(z, 0, out=a)

    def backward(self, z, a, delta):
        """Leave `delta` as it is, where it ought to be multiplied by f'(z)."""


careless = MLPScratchClassifier(16, CarelessSoftplus(), random_state=0)
mistaken = check_gradient(careless, X[:10], y[:10])
print(mistaken)
GradientCheckDisplay(mistaken).plot()

plt.show()
