r"""
A search by Optuna, with pruning
================================

A grid tries every combination, also where nothing is to be found. Optuna (``pip install
"sknn-scratch[optuna]"``) proposes parameters by what earlier trials came to, and stops a trial that
falls behind the others before its training ends. All it needs is the score after each epoch, which
``stop_when`` can hand to it.
"""

import warnings

import matplotlib.pyplot as plt
import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna_integration import OptunaSearchCV
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
optuna.logging.set_verbosity(optuna.logging.WARNING)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, stratify=y_train, random_state=0)

# %%
# A trial
# -------
# A trial trains one network. ``stop_when`` is called with ``history_`` after each epoch: it reports
# the validation accuracy, and stops training if Optuna says that the trial is not worth it.

MAX_EPOCHS = 30


def train(trial):
    """Train a network with the parameters that `trial` proposes; return its accuracy."""

    def report_and_ask(history):
        accuracies = history["validation_score"]
        trial.report(accuracies[-1], step=len(accuracies))
        return trial.should_prune()

    network = MLPScratchClassifier(
        hidden_layer_sizes=trial.suggest_int("hidden_layer_sizes", 10, 100, log=True),
        activation=trial.suggest_categorical("activation", ["relu", "tanh", "gelu"]),
        learning_rate_init=trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True),
        l2=trial.suggest_float("l2", 1e-6, 1e-2, log=True),
        alpha=0,
        max_iter=MAX_EPOCHS,
        n_iter_no_change=MAX_EPOCHS,
        stop_when=report_and_ask,
        random_state=0,
    )
    network.fit(X_fit, y_fit, X_val=X_val, y_val=y_val)
    if trial.should_prune():
        raise optuna.TrialPruned
    return network.validation_scores_[-1]


# %%
# The study
# ---------
# The first five trials are drawn at random and run to their end. From then on, a trial that after
# four epochs or more is below the median of those before it at the same epoch is pruned.

study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=4),
)
study.optimize(train, n_trials=40)

PRUNED = optuna.trial.TrialState.PRUNED
n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
print(f"{sum(trial.state == PRUNED for trial in study.trials)} of 40 trials were pruned")
print(f"{n_epochs} of {40 * MAX_EPOCHS} epochs were trained")
print(f"best validation accuracy: {study.best_value:.4f}, with {study.best_params}")

# %%
# What became of the trials
# -------------------------
# Most of the epochs go to networks that are worth it.

groups = {
    "trained to the end": ([t for t in study.trials if t.state != PRUNED], "C0", "o"),
    "pruned": ([t for t in study.trials if t.state == PRUNED], "C1", "x"),
}
fig, (curves, ends) = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for label, (trials, color, marker) in groups.items():
    for trial in trials:
        epochs, accuracies = zip(*trial.intermediate_values.items(), strict=True)
        curves.plot(epochs, accuracies, color=color, lw=1)
        curves.plot(epochs[-1], accuracies[-1], color=color, marker=marker)
    steps = [trial.params["learning_rate_init"] for trial in trials]
    last = [trial.intermediate_values[trial.last_step] for trial in trials]
    ends.scatter(steps, last, color=color, marker=marker, label=label)
curves.set(xlabel="epoch", ylabel="accuracy on the validation set")
ends.set(xlabel="learning_rate_init", xscale="log")
ends.legend(title="trials", loc="lower right")
for ax in (curves, ends):
    ax.grid(alpha=0.3)

# %%
# The best network
# ----------------
# Trained on all but the test set, which is used here for the first time.

best = MLPScratchClassifier(**study.best_params, alpha=0, max_iter=MAX_EPOCHS, random_state=0)
print(f"accuracy on the test set: {best.fit(X_train, y_train).score(X_test, y_test):.4f}")

# %%
# In a pipeline, by cross-validation
# ----------------------------------
# ``OptunaSearchCV`` takes the place of ``GridSearchCV``, and distributions take the place of lists.
# Given a network alone, without a pipeline, it prunes too, by ``partial_fit``
# (``enable_pruning=True``).

# OptunaSearchCV says of itself that its interface may change, and uses a part of Optuna that will.
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", "`optuna.terminator` module has been deprecated", FutureWarning)

network = MLPScratchClassifier(max_iter=10, random_state=0)
search = OptunaSearchCV(
    make_pipeline(StandardScaler(), network),
    {
        "mlpscratchclassifier__hidden_layer_sizes": IntDistribution(10, 100, log=True),
        "mlpscratchclassifier__learning_rate_init": FloatDistribution(1e-4, 1e-1, log=True),
    },
    cv=3,
    n_trials=10,
    random_state=0,
)
search.fit(X_train, y_train)
print(f"best: {search.best_params_}")
print(f"mean accuracy on the parts held out: {search.best_score_:.4f}")
print(f"accuracy on the test set: {search.score(X_test, y_test):.4f}")

plt.show()
