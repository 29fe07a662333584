r"""
From one neuron to a network: a course of 90 minutes
====================================================

You write a neural network by hand, in numpy, and check each step. A part has a short text, a
formula, some code and an exercise. The cell after an exercise checks your answer; if it is wrong,
it says what is wrong. ``sknn_scratch`` knows the right answers: it computes the same formulas.

Some exercises begin with code that runs and is wrong. Some of these mistakes stood in course
reports, others stand in textbooks and libraries. Find them.

In the notebook for students, ``YOUR CODE HERE`` marks a gap. On the page of the course, the
solutions stand between ``BEGIN SOLUTION`` and ``END SOLUTION``.

The parts, with their minutes:

1. One neuron (8)
2. The gradient (10)
3. A hidden layer, and backpropagation (20)
4. Mini-batches (8)
5. Momentum, and the look-ahead (12)
6. A penalty for every batch size (8)
7. Weights that are exactly zero (7)
8. When to stop (5)
9. What a picture shows, and what it does not (7)
10. The whole network (5)
"""

import warnings
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.datasets import load_digits, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.gradient_check import check_gradient
from sknn_scratch.plotting import TrainingCurveDisplay, WeightsDisplay

# How long to train is part of the course, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# Two helpers come first. ``check`` compares your answer with the right one, and names the mistakes
# that it knows. ``show`` draws how probable a model finds class 1, and the samples.


def check(name, yours, right, mistakes=()):
    """Say whether an answer is right; if it is not, say why."""
    assert yours is not None, f"{name}: your function returns nothing."
    yours, right = np.asarray(yours, dtype=float), np.asarray(right, dtype=float)
    assert yours.shape == right.shape, f"{name}: the shape is {yours.shape}, not {right.shape}."
    for mistake, wrong in dict(mistakes).items():
        assert not np.allclose(yours, wrong), f"{name}: {mistake}"
    assert np.isfinite(yours).all(), f"{name}: some numbers are infinite or NaN."
    off = np.abs(yours - right).max()
    assert np.allclose(yours, right, rtol=1e-6, atol=1e-9), f"{name}: off by up to {off:.2g}."
    print(f"{name}: right")


def show(ax, probability, X, y, title, half=2.0):
    """Draw a probability as colour, its boundary as a line, and the samples."""
    middle = (X.max(axis=0) + X.min(axis=0)) / 2
    side = np.linspace(-half, half, 80)
    grid = np.stack(np.meshgrid(middle[0] + side, middle[1] + side), axis=-1)
    p = probability(grid.reshape(-1, 2)).reshape(80, 80)
    ax.contourf(grid[..., 0], grid[..., 1], p, np.linspace(0, 1, 11), cmap="RdBu", alpha=0.5)
    ax.contour(grid[..., 0], grid[..., 1], p, [0.5], colors="black", linewidths=1.5)
    for label, colour in ((0, "#b2182b"), (1, "#2166ac")):
        ax.scatter(*X[y == label].T, s=14, color=colour, edgecolors="white", linewidths=0.5)
    ax.set(title=title, xlabel="$x_1$", ylabel="$x_2$", aspect="equal")


# %%
# Part 1. One neuron (8 minutes)
# ------------------------------
# A neuron multiplies each input by a weight, and adds them up with a bias. The logistic function
# turns this score z into the probability p of class 1. For all samples at once, the rows of X,
#
# .. math:: z = X W + b, \qquad p = \frac{1}{1 + e^{-z}}.
#
# X has the shape (n, d), W has (d, 1), b has (1,), and z and p have (n, 1). The data are two
# half-moons; 150 samples are for training, and 1000 more will tell how good a model is.

X, y = make_moons(150, noise=0.2, random_state=0)
X_new, y_new = make_moons(1000, noise=0.2, random_state=1)
Y = y[:, None]  # a column, of the shape of p

# %%
# **Exercise 1.** Compute the probabilities of a neuron.


def neuron(X, W, b):
    """Return p, of shape (n, 1)."""
    # BEGIN SOLUTION
    z = X @ W + b
    return 1 / (1 + np.exp(-z))
    # END SOLUTION


# %%
# *Check.* A network of the package without a hidden layer is one neuron.

one_neuron = MLPScratchClassifier((), alpha=0, max_iter=5, random_state=0).fit(X, y)
W, b = one_neuron.coefs_[0], one_neuron.intercepts_[0]
check(
    "Exercise 1",
    neuron(X, W, b),
    one_neuron.predict_proba(X)[:, 1:],
    {
        "this is z. The logistic function is missing.": X @ W + b,
        "the bias is missing.": expit(X @ W),
        "this is the probability of class 0.": expit(-X @ W - b),
    },
)

# %%
# How good is a probability? The loss of a sample is minus the logarithm of the probability of its
# class y, which is 0 or 1. Written with z, the mean over the samples is
#
# .. math:: F = \frac{1}{n} \sum_i \left( \log(1 + e^{z_i}) - y_i z_i \right).
#
# **Exercise 2.** Compute F for any z. The code below is the formula as it stands, and it fails for
# large z. Repair it; ``np.logaddexp`` helps.


def log_loss(z, y):
    """Return the mean loss."""
    # BEGIN SOLUTION
    return np.mean(np.logaddexp(0, z) - y * z)
    # FOR STUDENTS
    # return np.mean(np.log(1 + np.exp(z)) - y * z)
    # END SOLUTION


# %%
# *Check.* At z = 1000 a sample of class 0 has the loss 1000, and one of class 1 has the loss 0.

small, large = np.array([[-2.0], [0.5]]), np.array([[1000.0], [1000.0]])
labels = np.array([[0], [1]])
p = expit(small)
right = -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))
n_times = "this is a sum. F is the mean over the samples."
check("Exercise 2, small z", log_loss(small, labels), right, {n_times: 2 * right})
with np.errstate(over="ignore", invalid="ignore"):
    yours = log_loss(large, labels)
assert np.isfinite(yours), (
    "Exercise 2: exp(1000) is larger than any float, and the loss becomes infinite. "
    "np.logaddexp(0, z) is log(1 + exp(z)), computed without the large number."
)
check("Exercise 2, large z", yours, 500)

# %%
# Part 2. The gradient (10 minutes)
# ---------------------------------
# Training goes downhill, and needs the slope of F in each weight. The derivative of
# :math:`\log(1 + e^z) - y z` in z is :math:`p - y`, prediction minus target. By the chain rule
#
# .. math::
#
#     \frac{\partial F}{\partial W} = \frac{1}{n} X^T (p - y), \qquad
#     \frac{\partial F}{\partial b} = \frac{1}{n} \sum_i (p_i - y_i).
#
# **Exercise 3.** Write the gradient. Its shapes are those of W and b.


def gradient(X, Y, W, b):
    """Return dF/dW, of the shape of W, and dF/db, of the shape of b."""
    # BEGIN SOLUTION
    delta = (neuron(X, W, b) - Y) / len(X)
    return X.T @ delta, delta.sum(axis=0)
    # END SOLUTION


# %%
# *Check.* ``check_gradient`` moves each parameter a little up and down, and divides the change of F
# by the move. It uses neither your formula nor any other.

quotients = check_gradient(one_neuron, X, y)
dW_right = quotients.numeric[quotients.layer == "W1"][:, None]
db_right = quotients.numeric[quotients.layer == "b1"]
dW, db = gradient(X, Y, W, b)
MISTAKES = {
    "the sign is wrong: the gradient points uphill, and has p - y in it.": -1,
    "this is a sum. F is a mean, and so is its gradient.": len(X),
}
check("dF/dW", dW, dW_right, {text: dW_right * factor for text, factor in MISTAKES.items()})
check("dF/db", db, db_right, {text: db_right * factor for text, factor in MISTAKES.items()})

# %%
# Steepest descent takes steps against the gradient; the learning rate :math:`\eta` sets their
# length: :math:`W \leftarrow W - \eta \, \partial F / \partial W`.

W, b, losses = np.zeros((2, 1)), np.zeros(1), []
for _ in range(200):
    dW, db = gradient(X, Y, W, b)
    W, b = W - 1.0 * dW, b - 1.0 * db
    losses.append(log_loss(X @ W + b, Y))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
show(left, lambda points: neuron(points, W, b), X, y, "One neuron: a straight line")
right.plot(losses)
right.set(title="It goes downhill", xlabel="update", ylabel="loss F", ylim=(0, None))
accuracy = np.mean((neuron(X_new, W, b) > 0.5)[:, 0] == y_new)
print(f"accuracy on new samples: {accuracy:.3f}")

# %%
# Part 3. A hidden layer, and backpropagation (20 minutes)
# --------------------------------------------------------
# A straight line cannot separate the moons. Several neurons side by side make a layer, and the last
# neuron reads their values:
#
# .. math:: A_1 = \tanh(X W_1 + b_1), \qquad z = A_1 W_2 + b_2.
#
# With h hidden units, :math:`W_1` has the shape (d, h), :math:`A_1` has (n, h) and :math:`W_2` has
# (h, 1). Without the tanh, two layers would be one: a product of matrices is a matrix.
#
# **Exercise 4.** Write the forward pass. ``W`` and ``b`` are lists of two arrays each.


def forward(X, W, b):
    """Return A_1, of shape (n, h), and z, of shape (n, 1)."""
    # BEGIN SOLUTION
    A_1 = np.tanh(X @ W[0] + b[0])
    return A_1, A_1 @ W[1] + b[1]
    # END SOLUTION


# %%
# *Check.* The package computes the same with 8 hidden units.

network = MLPScratchClassifier(8, "tanh", alpha=0, max_iter=5, random_state=0).fit(X, y)
W, b = network.coefs_, network.intercepts_
A_1, z = forward(X, W, b)
check(
    "A_1",
    A_1,
    network.hidden_outputs(X),
    {
        "the tanh is missing.": X @ W[0] + b[0],
        "the bias is missing.": np.tanh(X @ W[0]),
    },
)
p_right = network.predict_proba(X)[:, 1:]
z_right = np.log(p_right / (1 - p_right))
check("z", z, z_right, {"these are probabilities. z comes before the logistic.": p_right})

# %%
# The chain rule goes through the layers in the other direction. Let :math:`\Delta_l` be the
# derivative of F with respect to the scores of layer l. Then
#
# .. math::
#
#     \begin{gathered}
#     \Delta_2 = \frac{p - y}{n}, \qquad
#     \Delta_1 = (\Delta_2 W_2^T) \circ (1 - A_1^2), \\
#     \frac{\partial F}{\partial W_2} = A_1^T \Delta_2, \qquad
#     \frac{\partial F}{\partial W_1} = X^T \Delta_1.
#     \end{gathered}
#
# The circle multiplies element by element; :math:`1 - \tanh^2` is the derivative of tanh. The
# gradient in a bias is the sum of :math:`\Delta_l` over the samples. If you forget a formula, ask
# the shapes: :math:`W_2` is (h, 1), and of these matrices only :math:`A_1^T \Delta_2` gives that.
#
# **Exercise 5.** Write the backward pass.


def backward(X, Y, W, b):
    """Return the gradients in W[0] and W[1], and those in b[0] and b[1], as two lists."""
    A_1, z = forward(X, W, b)
    # BEGIN SOLUTION
    delta_2 = (expit(z) - Y) / len(X)
    delta_1 = (delta_2 @ W[1].T) * (1 - A_1**2)
    return [X.T @ delta_1, A_1.T @ delta_2], [delta_1.sum(axis=0), delta_2.sum(axis=0)]
    # END SOLUTION


# %%
# *Check.* Every one of the 33 derivatives is compared with its difference quotient.

quotients = check_gradient(network, X, y)
print(quotients)


def numeric(layer, shape):
    """Return the difference quotients of a layer as an array."""
    return quotients.numeric[quotients.layer == layer].reshape(shape)


dW, db = backward(X, Y, W, b)
delta_2 = (expit(z_right) - Y) / len(X)
not_mean = "Delta_2 lacks the 1/n of the mean."
W2_right, b2_right = numeric("W2", (8, 1)), numeric("b2", 1)
check("dF/dW_2", dW[1], W2_right, {not_mean: W2_right * len(X)})
check("dF/db_2", db[1], b2_right, {"sum over the samples: 1/n is in Delta_2.": b2_right / len(X)})
unmasked = delta_2 @ W[1].T
no_slope = "the derivative of tanh is missing: multiply by 1 - A_1**2."
check("dF/dW_1", dW[0], numeric("W1", (2, 8)), {no_slope: X.T @ unmasked})
check("dF/db_1", db[0], numeric("b1", 8), {no_slope: unmasked.sum(axis=0)})

# %%
# The activation can be exchanged. In the package it is a class with two methods:
# ``forward`` writes f(z) into ``a``, and ``backward`` multiplies ``delta`` by f'(z).
#
# **Exercise 6.** Here is softplus, :math:`a = \log(1 + e^z)`. Its ``backward`` forgets the
# derivative, and yet training often goes downhill. Repair it, in place:
# :math:`f'(z) = 1 / (1 + e^{-z}) = 1 - e^{-a}`.


class Softplus(Activation):
    """log(1 + exp(z))."""

    def forward(self, z, a):
        """Write f(z) into `a`."""
        np.logaddexp(z, 0, out=a)

    def backward(self, z, a, delta):
        """Multiply `delta` by f'(z)."""
        # BEGIN SOLUTION
        delta *= 1 - np.exp(-a)
        # FOR STUDENTS
        # delta *= 1
        # END SOLUTION


# %%
# *Check.* ``check_gradient`` takes any network, and yours is in it now.

with_softplus = MLPScratchClassifier(8, Softplus(), random_state=0)
quotients = check_gradient(with_softplus, X, y)
wrong = [layer for layer, error in quotients.worst.items() if error > quotients.tol]
assert quotients.passed, (
    f"Exercise 6: the gradients of {' and '.join(wrong)} are wrong, those of the last layer are "
    "right. What lies between? delta must be multiplied by the derivative, in place."
)
print("Exercise 6: right")

# %%
# Now the network by hand can be trained. Eight hidden units bend the line.

generator = np.random.default_rng(0)


def first_parameters(d, h):
    """Draw the first weights; those of equal units would stay equal."""
    W = [generator.normal(size=(d, h)), generator.normal(size=(h, 1)) / np.sqrt(h)]
    return W, [np.zeros(h), np.zeros(1)]


def update(parameters, gradients, rate):
    """Take one step downhill."""
    return [p - rate * g for p, g in zip(parameters, gradients, strict=True)]


W, b = first_parameters(2, 8)
for _ in range(1000):
    dW, db = backward(X, Y, W, b)
    W, b = update(W, dW, 1.0), update(b, db, 1.0)

fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
show(axes[0], lambda points: expit(forward(points, W, b)[1]), X, y, "8 hidden units, by hand")
side = np.linspace(-2, 3, 200)[:, None]
for unit in range(8):
    slope, intercept = W[0][0, unit] / W[0][1, unit], b[0][unit] / W[0][1, unit]
    axes[1].plot(side, -slope * side - intercept, lw=1 + abs(W[1][unit, 0]) / 2)
axes[1].scatter(*X.T, s=8, color="0.6")
axes[1].set(title="Where each unit is zero", xlabel="$x_1$", ylabel="$x_2$")
axes[1].set(xlim=axes[0].get_xlim(), ylim=axes[0].get_ylim(), aspect="equal")
accuracy = np.mean((forward(X_new, W, b)[1] > 0)[:, 0] == y_new)
print(f"accuracy on new samples: {accuracy:.3f}")

# %%
# Part 4. Mini-batches (8 minutes)
# --------------------------------
# A gradient of all samples is exact but expensive. The gradient of a few samples costs little, and
# points downhill on average. An *epoch* goes once through all samples, in batches of B:
#
# .. math:: W \leftarrow W - \eta \, \frac{1}{B} \sum_{i \in \text{batch}} \nabla \ell_i(W).
#
# **Exercise 7.** Yield the indices of each batch of one epoch, in random order. Each sample occurs
# once. If B does not divide n, the last batch is smaller. The code below drops it, and takes the
# samples in the same order in every epoch.


def batches(n, batch_size, generator):
    """Yield arrays of indices."""
    # BEGIN SOLUTION
    order = generator.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]
    # FOR STUDENTS
    # order = np.arange(n)
    # for start in range(0, n - batch_size + 1, batch_size):
    #     yield order[start : start + batch_size]
    # END SOLUTION


# %%
# *Check.*

epochs = [list(batches(23, 5, generator)) for _ in range(2)]
sizes = [len(batch) for batch in epochs[0]]
first, second = (np.concatenate(epoch) for epoch in epochs)
assert len(first) >= 23, f"Exercise 7: {23 - len(first)} of 23 samples are never seen."
assert sorted(first) == list(range(23)), "Exercise 7: each sample must occur once."
assert sizes == [5, 5, 5, 5, 3], f"Exercise 7: the batches have {sizes} samples."
assert list(first) != list(second), "Exercise 7: each epoch needs an order of its own."
print("Exercise 7: right")

# %%
# Whatever B is, an epoch costs the same number of multiplications. Small batches make more updates
# of them, and their loss is noisier.

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for batch_size, style in ((150, "-"), (25, "--"), (5, ":")):
    generator = np.random.default_rng(0)  # the same first weights for each
    W, b = first_parameters(2, 8)
    losses = []
    for _ in range(60):
        for rows in batches(150, batch_size, generator):
            dW, db = backward(X[rows], Y[rows], W, b)
            W, b = update(W, dW, 0.5), update(b, db, 0.5)
        losses.append(log_loss(forward(X, W, b)[1], Y))
    ax.plot(losses, style, label=f"B = {batch_size}: {60 * -(-150 // batch_size)} updates")
ax.set(title="60 epochs, learning rate 0.5", xlabel="epoch", ylabel="loss F", ylim=(0, None))
legend = ax.legend()

# %%
# Part 5. Momentum, and the look-ahead (12 minutes)
# -------------------------------------------------
# In a narrow valley steepest descent crawls: the steep direction limits the learning rate, and the
# flat one needs a large one. *Momentum* goes on in the direction of the last moves. Nesterov's
# method takes the gradient at a point q that looks ahead along the last move:
#
# .. math::
#
#     \begin{gathered}
#     p_{k} = q_k - \eta \, \nabla F(q_k), \\
#     q_{k+1} = p_k + \frac{t_k - 1}{t_{k+1}} (p_k - p_{k-1}), \qquad
#     t_{k+1} = \frac{1 + \sqrt{1 + 4 t_k^2}}{2},
#     \end{gathered}
#
# with :math:`q_1 = p_0` and :math:`t_1 = 1`.
#
# **Exercise 8.** One report lost marks for a single letter in this code. Find the letter.

CURVATURE = np.array([1.0, 0.02])  # of a valley that is 50 times steeper across than along


def valley_slope(p):
    """Return the gradient of F(p) = sum_i c_i p_i^2 / 2."""
    return CURVATURE * p


def nag(slope, p, rate, n_updates):
    """Return p_0, p_1, ... of Nesterov's accelerated gradient."""
    path, q, t = [p], p, 1.0
    for _ in range(n_updates):
        # BEGIN SOLUTION
        p_next = q - rate * slope(q)
        # FOR STUDENTS
        # p_next = q - rate * slope(p)
        # END SOLUTION
        t_next = (1 + np.sqrt(1 + 4 * t**2)) / 2
        q = p_next + (t - 1) / t_next * (p_next - p)
        p, t = p_next, t_next
        path.append(p)
    return np.array(path)


# %%
# *Check.* The solver of the package walks through the same valley.

START = np.array([1.0, 3.0])


def walk(name, rate, n_updates, **parameters):
    """Return the iterates of a solver of the package; its parameters are a weight and a bias."""
    solver, params = SOLVERS[name](**parameters), Parameters((1, 1), START.copy())
    state, path = solver.init(params), [START]
    for _ in range(n_updates):
        point = solver.point(params, state).flat
        solver.step(params, valley_slope(point), state, rate, None)
        path.append(params.flat.copy())
    return np.array(path)


yours, expected = nag(valley_slope, START, 0.9, 80), walk("nag", 0.9, 80)
if np.allclose(yours[:3], expected[:3]):
    assert np.allclose(yours[3], expected[3]), (
        "Exercise 8: p_1 and p_2 are right, p_3 is not. There p and q differ for the first time. "
        "At which of the two is the gradient taken?"
    )
check("Exercise 8", yours, expected)

# %%
# The wrong letter hides well: the loss falls all the same. The difference lies across the valley.
# With the gradient at q each update shrinks an oscillation by a factor. With the gradient at p the
# oscillation goes on, and only fades as a power of the number of updates.


def gradient_at_p(p, rate, n_updates):
    """Return the iterates with the gradient at p, as in the report."""
    path, q, t = [p], p, 1.0
    for _ in range(n_updates):
        p_next, t_next = q - rate * valley_slope(p), (1 + np.sqrt(1 + 4 * t**2)) / 2
        q, p, t = p_next + (t - 1) / t_next * (p_next - p), p_next, t_next
        path.append(p)
    return np.array(path)


PATHS = {
    "steepest descent": walk("gd", 0.3, 60),
    "gradient at p (wrong)": gradient_at_p(START, 0.3, 60),
    "gradient at q (nag)": walk("nag", 0.3, 60),
}
fig, axes = plt.subplots(1, 4, figsize=(12, 4), width_ratios=[1, 1, 1, 1.5], layout="constrained")
across, along = np.meshgrid(np.linspace(-1.3, 1.3, 60), np.linspace(-1.2, 3.2, 60))
height = (across**2 * CURVATURE[0] + along**2 * CURVATURE[1]) / 2
for ax, (name, path) in zip(axes, PATHS.items(), strict=False):
    ax.contour(across, along, height, np.geomspace(0.003, 1, 9), colors="0.75", linewidths=0.8)
    ax.plot(*path.T, ".-", ms=4, lw=0.8)
    ax.plot(0, 0, "k*")
    ax.set(title=name, xlabel="across the valley")
    axes[3].semilogy(np.abs(path[:, 0]), label=name)
axes[0].set_ylabel("along the valley")
axes[3].set(title="distance from the middle", xlabel="update", ylim=(1e-7, 2))
legend = axes[3].legend(fontsize="small")

# %%
# Part 6. A penalty for every batch size (8 minutes)
# --------------------------------------------------
# Large weights make a network overconfident. A penalty keeps them small:
#
# .. math::
#
#     F = \frac{1}{n} \sum_i \ell_i(W) + \lambda_2 \lVert W \rVert_2^2, \qquad
#     \nabla F = \frac{1}{n} \sum_i \nabla \ell_i(W) + 2 \lambda_2 W.
#
# **Exercise 9.** ``dW`` is the gradient of the mean loss of a batch. Add the penalty's. The code
# below divides it by the batch size, as if it belonged to the sum over the samples.


def penalised(dW, W, l2, batch_size):
    """Return the gradient of mean loss plus penalty, for a batch of any size."""
    # BEGIN SOLUTION
    return dW + 2 * l2 * W
    # FOR STUDENTS
    # return dW + 2 * l2 * W / batch_size
    # END SOLUTION


# %%
# *Check.* The difference quotients are those of the whole F, for batches of three sizes.

W, b = one_neuron.coefs_[0], one_neuron.intercepts_[0]
with_l2 = MLPScratchClassifier((), alpha=0, l2=0.1, max_iter=5, random_state=0).fit(X, y)
with_l2.coefs_, with_l2.intercepts_ = [W], [b]
for batch_size in (1, 10, 150):
    rows = slice(batch_size)
    quotients = check_gradient(with_l2, X[rows], y[rows])
    dW, _ = gradient(X[rows], Y[rows], W, b)
    shrinks = (
        f"the penalty is {batch_size} times too weak, and differs from batch size to batch size."
    )
    check(
        f"Exercise 9, B = {batch_size}",
        penalised(dW, W, 0.1, batch_size),
        quotients.numeric[quotients.layer == "W1"][:, None],
        {shrinks: dW + 0.2 * W / batch_size} if batch_size > 1 else {},
    )

# %%
# scikit-learn divides ``alpha`` by the batch size, and this package does the same. ``l2`` is not
# divided. If you change the batch size, you change what ``alpha`` means.

SIZES = (10, 25, 50, 150)
common = {"hidden_layer_sizes": (), "solver": "sgd", "max_iter": 60, "random_state": 0}
common |= {"n_iter_no_change": np.inf, "learning_rate": "cosine", "learning_rate_init": 0.3}
norms = {
    name: [
        np.linalg.norm(
            MLPScratchClassifier(batch_size=size, **penalty, **common).fit(X, y).coefs_[0]
        )
        for size in SIZES
    ]
    for name, penalty in {
        "l2 = 0.01": {"alpha": 0, "l2": 0.01},
        "alpha = 3": {"alpha": 3},
    }.items()
}
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, values), marker in zip(norms.items(), "os", strict=True):
    ax.plot(SIZES, values, marker=marker, label=name)
ax.set(xlabel="batch size", ylabel=r"$\Vert W \Vert$ after training", ylim=(0, None))
ax.set_title("One neuron: the same penalty at B = 150")
legend = ax.legend()

# %%
# Part 7. Weights that are exactly zero (7 minutes)
# -------------------------------------------------
# The penalty :math:`\lambda_1 \lVert W \rVert_1` can make weights exactly zero. The network then
# ignores an input. Its slope is :math:`\lambda_1 \operatorname{sign}(w)`, and updates along it leap
# over zero. The *proximal operator* stops at zero. With t = learning rate times :math:`\lambda_1`,
#
# .. math:: u = \operatorname{sign}(w) \, \max(|w| - t, \, 0).
#
# **Exercise 10.** Repair the code below, which subtracts the slope.


def soft_threshold(w, t):
    """Move each weight towards zero by t, and not beyond."""
    # BEGIN SOLUTION
    return np.sign(w) * np.maximum(np.abs(w) - t, 0)
    # FOR STUDENTS
    # return w - t * np.sign(w)
    # END SOLUTION


# %%
# *Check.*

w = np.array([-1.0, -0.2, 0.0, 0.1, 0.3, 2.0])
expected = w.copy()
ElasticNet(l1=1.0).prox(expected, 0.25, np.empty_like(w))
yours = soft_threshold(w, 0.25)
leapt = np.asarray(yours) * w < 0
assert not leapt.any(), f"Exercise 10: the weights {w[leapt]} leapt over zero to {yours[leapt]}."
check("Exercise 10", yours, expected)
assert not soft_threshold(w, 0.25)[1:4].any(), "Exercise 10: weights within t must be zero."

# %%
# A neuron with 20 inputs, two of them the moons and 18 of them noise. The subgradient leaves all 20
# weights at work; the proximal operator finds the two that matter.

generator = np.random.default_rng(0)
X_noise = np.hstack([X, generator.normal(size=(150, 18))])
paths = {"subgradient": [], "proximal operator": []}
for name, path in paths.items():
    W, b = np.full((20, 1), 0.2), np.zeros(1)
    for _ in range(150):
        dW, db = gradient(X_noise, Y, W, b)
        W, b = W - 0.5 * dW, b - 0.5 * db
        W = W - 0.04 * np.sign(W) if name == "subgradient" else soft_threshold(W, 0.04)
        path.append(W[:, 0])

fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    ax.plot(np.array(path)[:, 2:], color="0.6", lw=0.7)
    ax.plot(np.array(path)[:, :2], lw=2)
    zeros = np.count_nonzero(path[-1] == 0)
    ax.set(title=f"{name}: {zeros} of 20 weights are zero", xlabel="update")
label = axes[0].set_ylabel("weight (grey: of noise)")

# %%
# Part 8. When to stop (5 minutes)
# --------------------------------
# Held-out samples tell when to stop. Let :math:`s_k` be the accuracy on them after epoch k. One
# report stopped at
#
# .. math:: s_k > 0.975 \quad \text{and} \quad |s_k - s_{k-1}| < 0.005.
#
# **Exercise 11.** Write the rule. ``history["validation_score"]`` is the list
# :math:`s_1, \dots, s_k`. The first epoch has none before it, and is no reason to stop.


def is_good_and_steady(history):
    """Return whether to stop."""
    # BEGIN SOLUTION
    *before, score = history["validation_score"]
    return bool(before) and score > 0.975 and abs(score - before[-1]) < 0.005
    # END SOLUTION


# %%
# *Check.*

CASES = {
    "Stop when the score is high and steady.": ([0.9, 0.976, 0.978], True),
    "A score that falls a little is steady, too.": ([0.9, 0.979, 0.976], True),
    "0.97 is too low, however steady.": ([0.9, 0.97, 0.97], False),
    "A rise from 0.9 to 0.98 is not steady.": ([0.9, 0.98], False),
    "A fall from 0.99 to 0.98 is not steady: take the absolute value.": ([0.99, 0.98], False),
    "After the first epoch there is nothing to compare.": ([0.98], False),
}
for what, (scores, stop) in CASES.items():
    assert is_good_and_steady({"validation_score": scores}) == stop, f"Exercise 11: {what}"
print("Exercise 11: right")

# %%
# The digits of scikit-learn, 8 by 8 pixels: 1797 images, of which 449 are held out for the rule.

X_digits, y_digits = load_digits(return_X_y=True)
X_digits = X_digits / 16
X_train, X_val, y_train, y_val = train_test_split(
    X_digits, y_digits, stratify=y_digits, random_state=0
)
stopped = MLPScratchClassifier(
    100, learning_rate_init=0.003, batch_size=32, stop_when=is_good_and_steady, random_state=0
)
stopped.fit(X_train, y_train, X_val=X_val, y_val=y_val)
display = TrainingCurveDisplay.from_estimator(stopped)
print(f"stopped after {stopped.n_iter_} epochs")

# %%
# Part 9. What a picture shows, and what it does not (7 minutes)
# --------------------------------------------------------------
# One report trained networks on two rings and drew their boundaries. It wrote: *five hidden units
# draw no closed boundary*. This picture, with the settings of the report, seems to prove it.

X_rings, y_rings = make_circles(200, noise=0.08, factor=0.5, random_state=0)
REPORT = {"solver": "sgd", "momentum": 0, "batch_size": 10, "learning_rate_init": 0.005}
reported = MLPScratchClassifier(5, "relu", **REPORT, max_iter=100, random_state=0)
reported.fit(X_rings, y_rings)
fig, ax = plt.subplots(figsize=(4.5, 4.2), layout="constrained")
title = "The report: 5 units, 100 epochs"
show(ax, lambda points: reported.predict_proba(points)[:, 1], X_rings, y_rings, title)

# %%
# But a picture shows one training. One counterexample refutes a claim about *all* networks of five
# units.
#
# **Exercise 12.** Return a trained network with five hidden units and a closed boundary.


def five_units():
    """Return a fitted network with 5 hidden units."""
    # BEGIN SOLUTION
    network = MLPScratchClassifier(5, "relu", solver="lbfgs", max_iter=500, random_state=0)
    # FOR STUDENTS
    # network = MLPScratchClassifier(5, "relu", **REPORT, max_iter=100, random_state=0)
    # END SOLUTION
    return network.fit(X_rings, y_rings)


# %%
# *Check.* The boundary is closed if all points far outside are of one class, and some within are of
# the other.

side = np.linspace(-3, 3, 61)
points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
is_rim = np.abs(points).max(axis=1) == 3
counterexample = five_units()
labels = counterexample.predict(points)
assert counterexample.coefs_[0].shape == (2, 5), "Exercise 12: five hidden units, please."
assert len(set(labels)) == 2, "Exercise 12: all points are of one class, there is no boundary."
assert len(set(labels[is_rim])) == 1, (
    "Exercise 12: the boundary is open. Was the network trained for long enough? "
    "Try more epochs, a larger learning rate, or another solver."
)
print("Exercise 12: right. Five units close the ring; the report had trained too little.")
fig, ax = plt.subplots(figsize=(4.5, 4.2), layout="constrained")
title = "5 units, trained to the end"
show(ax, lambda points: counterexample.predict_proba(points)[:, 1], X_rings, y_rings, title)

# %%
# Another claim: *100 units fit the training set perfectly*. Is that network the better one? The
# accuracy does not tell how sure a network is. The mean loss on **new** samples does, because it
# counts the probability that each true class was given:
#
# .. math:: -\frac{1}{n} \sum_i \log p_{i, y_i}.
#
# **Exercise 13.** Compute it for any fitted classifier with classes 0, 1, ...


def held_out_loss(model, X, y):
    """Return the mean of minus log the probability of the true class."""
    # BEGIN SOLUTION
    p = model.predict_proba(X)
    return -np.mean(np.log(p[np.arange(len(y)), y]))
    # END SOLUTION


# %%
# *Check.* Two networks with 100 units, on moons that overlap: one without a penalty, one with.

X_few, y_few = make_moons(100, noise=0.35, random_state=2)
X_many, y_many = make_moons(2000, noise=0.35, random_state=3)
models = {
    name: MLPScratchClassifier(100, "tanh", alpha=0, l2=l2, solver="lbfgs", random_state=0)
    for name, l2 in {"no penalty": 0, "l2 = 0.001": 0.001}.items()
}
for name, model in models.items():
    model.set_params(max_iter=1000).fit(X_few, y_few)
    log_p = model.predict_log_proba(X_many)
    wrong_sign = {"a loss is positive: minus the logarithm.": log_p[np.arange(2000), y_many].mean()}
    yours = held_out_loss(model, X_many, y_many)
    check("Exercise 13", yours, -log_p[np.arange(2000), y_many].mean(), wrong_sign)
    print(
        f"{name}: training accuracy {model.score(X_few, y_few):.2f}, on new samples "
        f"{model.score(X_many, y_many):.2f}, loss on new samples {yours:.2f}"
    )

# %%
# The colours tell what the boundaries hide. The network that fits all training samples is sure of
# everything, everywhere, and pays for it on new samples. Its accuracy there is not much lower, but
# its loss is dozens of times as high.

fig, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    loss = held_out_loss(model, X_many, y_many)
    title = f"{name}: loss on new samples {loss:.2f}"
    show(ax, lambda points, m=model: m.predict_proba(points)[:, 1], X_few, y_few, title, 2.4)

# %%
# Part 10. The whole network (5 minutes)
# --------------------------------------
# All parts together: a hidden layer, mini-batches, the momentum of Adam, a penalty, and a learning
# rate that falls to zero. First say how large the network is; one report left that out, and lost
# marks. A network of widths :math:`n_0, n_1, \dots, n_L` has
#
# .. math:: \sum_{l=1}^{L} (n_{l-1} + 1) \, n_l
#
# learnable parameters. **Exercise 14.** Count them. The code below forgets something.


def count_parameters(widths):
    """Return the number of weights and biases."""
    # BEGIN SOLUTION
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))
    # FOR STUDENTS
    # return sum(n_in * n_out for n_in, n_out in pairwise(widths))
    # END SOLUTION


# %%
# *Check.* Then the network is trained. The test set is used once, after all choices are made.

X_train, X_test, y_train, y_test = train_test_split(
    X_digits, y_digits, test_size=400, stratify=y_digits, random_state=1
)
SETTINGS = {"l2": 1e-4, "batch_size": 64, "learning_rate_init": 0.003, "learning_rate": "cosine"}
whole = MLPScratchClassifier(64, "relu", **SETTINGS, max_iter=30, random_state=0)
whole.fit(X_train, y_train)
only_weights = {"the biases are missing: one for each unit.": 64 * 64 + 64 * 10}
check("Exercise 14", count_parameters([64, 64, 10]), whole.n_parameters_, only_weights)
print(f"{whole.n_parameters_} parameters, test accuracy {whole.score(X_test, y_test):.3f}")

# %%
# What has it learnt? Each picture shows the weights from the 64 pixels to one hidden unit. Red
# pixels raise its score, and blue pixels lower it.

weights = WeightsDisplay.from_estimator(whole, (8, 8), units=24, order="norm", n_columns=12)

# %%
# And what has it not learnt? These are the test images that it takes for another digit.

predicted = whole.predict(X_test)
wrong = np.flatnonzero(predicted != y_test)[:8]
fig, axes = plt.subplots(1, len(wrong), figsize=(10, 1.9), layout="constrained")
for ax, row in zip(np.atleast_1d(axes), wrong, strict=True):
    ax.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[], xlabel=f"{y_test[row]}, not {predicted[row]}")

# %%
# That is all of it. In the documentation of the package, the page of the mathematics derives every
# formula of this course, with the code beside it; the page of the studies repeats the five reports.

plt.show()
