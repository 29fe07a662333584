r"""
Save, load, go on
=================

A trained model is an ordinary Python object, and joblib writes it to a file. Such a file is code:
load only what you trust. This page saves a network, loads it, trains it further as if there had
been no break, and hands it to scikit-learn.
"""

import tempfile
import warnings
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_scratch import MLPScratchClassifier

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# To a file and back
# ------------------
# A hundred iterations, then to a file. What is loaded predicts the same, to the bit.


def save_and_load(model):
    """Return what comes out of a file into which the model went."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.joblib"
        joblib.dump(model, path)
        return joblib.load(path)


network = MLPScratchClassifier(
    50,
    solver="nag",
    learning_rate_init=0.1,
    max_iter=100,
    n_iter_no_change=np.inf,
    random_state=0,
)
first = clone(network).set_params(warm_start="resume").fit(X_train, y_train)
loaded = save_and_load(first)
same = np.array_equal(loaded.predict_proba(X_test), first.predict_proba(X_test))
print(f"the loaded model predicts the same: {same}")

# %%
# Going on
# --------
# To go on exactly, weights are not enough. Solvers have a memory. Adam remembers past
# gradients. Nesterov's method, as here, remembers the last point and a number :math:`t_k`:
#
# .. math:: q_k = p_k + \frac{t_k - 1}{t_{k+1}} (p_k - p_{k-1}).
#
# ``warm_start="resume"`` keeps it all, with the random numbers where there are any, in the file
# too. A hundred iterations, a file, and a hundred more end in the same bits as two hundred.
# ``warm_start=True`` keeps the weights alone, as scikit-learn does: the second hundred begins with
# :math:`t_1 = 1`, slowly.

resumed = loaded.fit(X_train, y_train)
whole = clone(network).set_params(max_iter=200).fit(X_train, y_train)
restarted = clone(network).set_params(warm_start=True)
restarted.fit(X_train, y_train).fit(X_train, y_train)

for name, model in {"'resume'": resumed, "True": restarted}.items():
    same = all(map(np.array_equal, model.coefs_, whole.coefs_))
    print(f"warm_start={name}: the same weights as without a break: {same}")

fig, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
style = {"markevery": 10, "ms": 5}
ax.plot(whole.loss_curve_, color="0.75", lw=5, label="200 iterations without a break")
ax.plot(resumed.loss_curve_, "o-", label="warm_start='resume'", **style)
ax.plot(restarted.loss_curve_, "^--", label="warm_start=True", **style)
ax.axvline(100, color="0.4", ls=":", label="the break")
ax.set(
    title="A hundred iterations, a break, a hundred more",
    xlabel="iteration",
    ylabel="mean training loss per sample",
    yscale="log",
)
ax.grid(alpha=0.3)
ax.legend()

# %%
# To scikit-learn
# ---------------
# ``to_sklearn()`` returns an ``MLPClassifier`` with the same weights, for tools that know only
# that.

theirs = whole.to_sklearn()
worst = np.abs(theirs.predict_proba(X_test) - whole.predict_proba(X_test)).max()
print(f"{type(theirs).__name__}: probabilities differ by at most {worst:.0e}")

plt.show()
