r"""
One sample at a time, or a matrix of them
=========================================

The gradient of a batch of B samples is a mean, and there are two ways to compute it. A loop takes
one sample :math:`x_i` after the other, a vector, and adds up outer products. If all samples are
the rows of one matrix, the same sum is a product of matrices:

.. math:: \frac{1}{B} \sum_{i=1}^{B} a_i \, \delta_i^T = \frac{1}{B} A^T \Delta.

The number of multiplications is the same. But a product of matrices is one call that goes through
memory well, where the loop is B calls for tiny ones. How much is that?
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullLocator
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.reference import value_and_gradient

# %%
# Two epochs that do the same
# ---------------------------
# Both go through the 1797 digits once, in the same order and the same batches. After each batch
# they take a step of plain stochastic gradient descent, :math:`p \leftarrow p - \eta \, g`. The
# loop is ``sknn_scratch.reference``, the matrices are the estimator. They end in the same weights.

X, y = load_digits(return_X_y=True)
X = X / 16
STEP = 0.1


def loop_epoch(network, batch_size):
    """Return the weights and biases after one epoch, one sample at a time."""
    weights = [W.copy() for W in network.coefs_]
    biases = [b.copy() for b in network.intercepts_]
    activations, loss = [ACTIVATIONS["relu"]()], LOSSES["log_loss"]()
    targets = np.eye(10)[y]
    for start in range(0, len(X), batch_size):
        batch = slice(start, start + batch_size)
        _, dW, db = value_and_gradient(weights, biases, activations, loss, X[batch], targets[batch])
        for array, gradient in zip(weights + biases, dW + db, strict=True):
            array -= STEP * gradient
    return weights + biases


def compare(batch_size):
    """Return the seconds of one epoch of loop and matrix, and how far their weights are apart."""
    network = MLPScratchClassifier(
        50,
        solver="sgd",
        momentum=0,
        learning_rate_init=STEP,
        batch_size=batch_size,
        shuffle=False,
        alpha=0,
        random_state=0,
    )
    network.partial_fit(X, y, classes=np.unique(y))  # weights to start from
    start = time.perf_counter()
    by_loop = loop_epoch(network, batch_size)
    middle = time.perf_counter()
    network.partial_fit(X, y)
    end = time.perf_counter()
    by_matrix = network.coefs_ + network.intercepts_
    apart = max(np.abs(a - b).max() for a, b in zip(by_loop, by_matrix, strict=True))
    return middle - start, end - middle, apart


batch_sizes = [1, 4, 16, 64, 256, 1024]
with threadpool_limits(1):  # one core for both: the products are too small to be shared out
    # The quicker of two runs: the machine may be busy with something else for a moment
    results = np.array([np.min([compare(size), compare(size)], axis=0) for size in batch_sizes])
loop_seconds, matrix_seconds, apart = results.T

print("batch size   loop s   matrix s   ratio   largest difference of weights")
for row in zip(batch_sizes, loop_seconds, matrix_seconds, apart, strict=True):
    print("{:>10} {:>8.3f} {:>10.4f} {:>7.0f} {:>12.0e}".format(*row[:3], row[1] / row[2], row[3]))

# %%
# The cost of a call
# ------------------
# With one sample in a batch there is nothing to gain. The loop stays as slow with larger batches,
# since it does the same for each sample. The matrices gain much from them: more and more samples
# share the cost of a call, until arithmetic is what is left.

fig, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
ax.vlines(batch_sizes, matrix_seconds, loop_seconds, color="0.7", ls=":")
ax.loglog(batch_sizes, loop_seconds, "o--", label="loop, one sample at a time")
ax.loglog(batch_sizes, matrix_seconds, "s-", label="matrices")
for size, loop, matrix in list(zip(batch_sizes, loop_seconds, matrix_seconds, strict=True))[1:]:
    ax.annotate(f" {loop / matrix:.0f} times", (size, np.sqrt(loop * matrix)), fontsize="small")
ax.set(
    title="One epoch of digits (1797 samples), network 64-50-10, one core",
    xlabel="batch size (samples)",
    ylabel="seconds per epoch",
    xticks=batch_sizes,
    xticklabels=batch_sizes,
    xlim=(0.8, 2500),
)
ax.xaxis.set_minor_locator(NullLocator())
ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
ax.yaxis.set_minor_locator(NullLocator())
ax.yaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.3)
ax.legend(loc="lower left")

plt.show()
