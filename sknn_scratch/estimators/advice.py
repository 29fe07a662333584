"""What to change when training goes badly, or is about to."""

from math import ceil, exp, floor, inf, log, log10

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch._warnings import warn
from sknn_scratch.engine.activations import Logistic
from sknn_scratch.engine.network import raw_scores
from sknn_scratch.engine.progress import Ending, falling
from sknn_scratch.engine.target_weights import are_by_target, samples_with_targets
from sknn_scratch.estimators.build import build_activations
from sknn_scratch.estimators.early_stopping import N_PROBES
from sknn_scratch.estimators.verbose import watched_in_words
from sknn_scratch.exceptions import (
    LargePenaltyWarning,
    NothingLearnedWarning,
    UnscaledDataWarning,
)

# Root mean square of a feature from which on training suffers. In four small data sets one
# standardised feature was multiplied, or moved away from zero. Up to 10 hardly anything was lost,
# at 100 most lost hundredths to tenths of their accuracy (sgd more than adam, lbfgs least).
# Standardised features have 1, digits from 0 to 16 up to 13, raw pixels up to 255 from 130 to 200;
# scikit-learn's checks of an estimator go up to 100.
_LARGE_FEATURE = 120
# alpha / (2 S) from which on the penalty wins. On five data sets 0.1 cost little; at 0.3 the score
# on the training set fell by 0.05 to 0.75; at 1 nothing was learned at all.
_LARGE_PENALTY = 0.3
# Standard deviation over the samples of raw scores, or of predictions in units of the deviation of
# y, below which a network is a constant. Of 99 networks on nine data sets those without use, most
# of them of several logistic layers or with l1=1, had up to 0.022, all others 0.04 and more.
_CONSTANT = 0.03
# How much above a constant's the training score of such networks was, by the noise of batches
_ABOUT = 0.02
# Samples among which the nearest ones are looked for
_N_NEIGHBOURS = 300
# Fewer epochs than this are a try, not a training
_LEARNED_FROM = 10
# Penalties below this, alpha's default among them, are not what keeps a network from learning
_STRONG_PENALTY = 0.01
# Fewer epochs than this tell nothing of those to come; a forecast of more than so many times as
# many as there were is none. The margin is there because to stop somewhat short is worse.
_FORECAST_FROM = 20
_MARGIN = 1.2
_FORECAST_TIMES = 10


def warn_of_large_features(X, names=None):
    """Warn if a feature of X is so large that training goes badly. One pass; dense X: no copy."""
    with np.errstate(over="ignore"):
        if issparse(X):
            squares = np.bincount(X.indices, X.data * X.data, minlength=X.shape[1])
        else:
            squares = np.einsum("ij,ij->j", X, X)
    worst = int(squares.argmax())
    size = float(squares[worst] / X.shape[0]) ** 0.5
    if size < _LARGE_FEATURE:
        return
    feature = f"feature {worst}" if names is None else f"feature {worst}, {names[worst]!r},"
    scaler = "MaxAbsScaler" if issparse(X) else "StandardScaler"
    warn(
        f"X is not scaled: {feature} has a root mean square of {size:.3g}. From about "
        f"{_LARGE_FEATURE} on, training goes badly. Scale X, for example by "
        f"make_pipeline({scaler}(), network).",
        UnscaledDataWarning,
    )


def warn_of_large_alpha(alpha, batch_weight, batch_size):
    """Warn if `alpha` is large for batches of so many samples with this total weight."""
    l2 = alpha / (2 * batch_weight) if batch_weight else 0.0
    if l2 < _LARGE_PENALTY:
        return
    weighing = "" if batch_weight == batch_size else f" which weigh {batch_weight:.2g},"
    warn(
        f"alpha={alpha} is large for batches of {batch_size} samples,{weighing} where it acts as "
        f"l2={l2:.2g}: from about {_LARGE_PENALTY} on, a network learns little. Lower alpha, raise "
        "batch_size, or use l2, which does not depend on the batches.",
        LargePenaltyWarning,
    )


def refuse_tiny_weights(alpha, mean, dtype):
    """Raise a ValueError if samples weigh so little that alpha / S means nothing in that dtype."""
    limits = np.finfo(dtype)
    if alpha and mean < limits.tiny / limits.eps:
        raise ValueError(
            f"sample_weight has a mean of {mean:.2g}, by which alpha={alpha} cannot be divided "
            f"in {limits.dtype}. Multiply the weights by a constant, so that their mean is about "
            "1, or set alpha=0 and use l2, which does not depend on them."
        )


def warn_if_nothing_learned(estimator, params, data):
    """Warn if the network predicts the same for all samples, though their targets differ.

    `data` are the Prepared of its training.
    """
    if estimator.n_iter_ < _LEARNED_FROM or not _seems_constant(estimator, data):
        return
    activations = build_activations(estimator, len(params.weights) - 1)

    def spread(X, y, outputs):
        rows = slice(None, None, max(1, X.shape[0] // N_PROBES))
        raw = raw_scores(params, activations, X[rows])
        return data.loss.spread(raw[:, outputs], y)

    parts = [part for part in _with_weight(*data.samples) if (part[1] != part[1][:1]).any()]
    is_constant = parts and all(spread(*part) < _CONSTANT for part in parts)
    if is_constant and any(_neighbours_agree(X, y) for X, y, _ in parts):
        warn(
            "The network has learned nothing: it predicts the same for all training samples, no "
            f"better than {data.loss.best_constant}, although samples that are near each other "
            f"have similar targets. {_remedies(estimator)}",
            NothingLearnedWarning,
        )


def _with_weight(X, y, weight):
    """Return X, y and the outputs of the samples with weight: for each target, if it has one."""
    if weight is None:
        return [(X, y, slice(None))]
    if not are_by_target(weight):
        return [(X[weight > 0], y[weight > 0], slice(None))]
    return [
        (X[rows], y[rows, k : k + 1], slice(k, k + 1)) for k, rows in samples_with_targets(weight)
    ]


def _seems_constant(estimator, data):
    """Whether the score in training is about what a constant has: only then a closer look pays."""
    score = estimator.history_[data.loss.score_name][-1]
    return not score > data.loss.score_of_constant(data.y, data.training_weight) + _ABOUT


def _neighbours_agree(X, y):
    """Whether there is something to learn: similar samples have similar targets."""
    rows = slice(None, None, -(-X.shape[0] // _N_NEIGHBOURS))
    X, y = X[rows], y[rows].astype(np.float64)
    if not issparse(X):
        deviations = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    products = (X @ X.T).toarray() if issparse(X) else X @ X.T
    squares = products.diagonal()
    distances = squares - 2 * products
    np.fill_diagonal(distances, np.inf)
    deviations, of_nearest = y - y.mean(axis=0), distances.argmin(axis=1)
    variance = np.mean(deviations**2, axis=0)
    agreement = np.mean(deviations * deviations[of_nearest], axis=0)[variance > 0]
    # Five standard errors of a correlation of nothing with nothing
    return (agreement > 5 / len(y) ** 0.5 * variance[variance > 0]).any()


def _remedies(estimator):
    """Return what to try in a sentence, the likeliest first."""
    tries = [f"another learning_rate_init (now {estimator.learning_rate_init})"]
    if any(isinstance(f, Logistic) for f in build_activations(estimator, estimator.n_layers_ - 2)):
        tries.insert(0, "activation='relu' or 'tanh' in place of 'logistic'")
    names = ("alpha", "l1", "l2", "weight_decay", "group_l1")
    strong = [name for name in names if np.max(getattr(estimator, name)) >= _STRONG_PENALTY]
    if strong:
        tries.insert(0, f"smaller penalties ({', '.join(strong)})")
    return f"Try {', '.join(tries)}, another init, or data on another scale."


def divergence_message(estimator, what="non-finite parameter weights"):
    """Say that training diverged, and what to change."""
    rate = f"lower learning_rate_init (now {estimator.learning_rate_init}) or "
    return (
        f"Solver produced {what}. The input data may contain large values and need to be "
        f"preprocessed. Training diverged in epoch {estimator.n_iter_}: "
        f"{'' if estimator.solver == 'lbfgs' else rate}standardise X, for example by a "
        "StandardScaler in a Pipeline."
    )


def report_ending(estimator, progress, scipy_result=None):
    """Raise the error or issue the warning that is due at the end of a training, if any."""
    if progress.is_lost:
        raise ValueError(divergence_message(estimator))
    if progress.ending is Ending.DIVERGED:
        warn(
            f"Training diverged in epoch {estimator.n_iter_}: the weights with the best validation "
            "score so far are kept. Lower learning_rate_init (now "
            f"{estimator.learning_rate_init}) or standardise X.",
            ConvergenceWarning,
        )
    elif progress.ending is Ending.INTERRUPTED:
        warn(
            f"Training interrupted by user in epoch {estimator.n_iter_ + 1}: the best "
            "weights so far are kept."
        )
    elif progress.ending is Ending.LAST_EPOCH:
        warn(lambda: _last_epoch_message(estimator, progress.watched), ConvergenceWarning)
    elif progress.ending is Ending.NOT_CONVERGED:
        warn(lambda: lbfgs_not_converged(estimator, scipy_result), ConvergenceWarning)


def _last_epoch_message(estimator, watched):
    curve = falling(watched, np.array(estimator.history_[watched][-estimator.n_iter_ :]))
    return not_converged(estimator, watched_in_words(watched), curve)


def not_converged(estimator, watched, curve):
    """Say that `max_iter` ended training, and what to change.

    `watched` names what was to fall, `curve` has its values over the epochs of this fit.
    """
    return (
        f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
        f"optimization hasn't converged yet. {_remedy(estimator, watched, curve)}"
    )


def _remedy(estimator, watched, curve):
    tol, patience = estimator.tol, estimator.n_iter_no_change
    if patience == inf:
        return (
            "With n_iter_no_change=inf nothing else ends it: give a number to stop when progress "
            "does, or filter this warning out."
        )
    if len(curve) < _FORECAST_FROM:
        return f"Raise max_iter, or tol (now {tol}). So few epochs do not tell how far."
    third, last = np.reshape(curve[-2 * (len(curve) // 4) :], (2, -1))
    progress = (third.mean() - last.mean()) / len(last)
    if not np.isfinite(curve).all() or curve[-1] > curve[0] or _goes_nowhere(third, last):
        return (
            f"The {watched} goes up and down: lower learning_rate_init (now "
            f"{estimator.learning_rate_init}), let it fall by learning_rate='plateau' or 'cosine', "
            f"or raise tol (now {tol})."
        )
    if progress > tol:
        return (
            f"The {watched} still improves by {progress:.2g} per epoch, more than tol={tol}: raise "
            f"max_iter to {_enough(_forecast(curve, tol) + patience, curve)}, or raise tol."
        )
    return f"It is near: raise max_iter to {_enough(len(curve) + patience, curve)}."


def _goes_nowhere(before, after):
    """Whether a curve, that is no smooth one, is not lower after than before."""
    # First what is cheap and settles it for a smooth curve: a search says this of each network
    if np.count_nonzero(after[1:] > after[:-1]) <= 0.2 * (len(after) - 1):
        return False
    fall = before.mean() - after.mean()
    noise = np.sqrt((before.var() + after.var()) / len(after))
    # Four standard errors: with dropout or small batches a curve may often rise, and yet fall
    return fall < 4 * noise


def _enough(n_epochs, curve):
    """Return words for so many epochs, rounded up to two digits; `curve` is what there was."""
    furthest, n_epochs = _FORECAST_TIMES * len(curve), _MARGIN * n_epochs
    if n_epochs > furthest:
        return f"{furthest} or more, or learning_rate_init"
    unit = 10 ** max(floor(log10(n_epochs)) - 1, 0)
    return f"about {ceil(n_epochs / unit) * unit}"


def _forecast(curve, tol):
    """Return the epoch in which progress per epoch will be `tol`, or inf.

    Progress is taken to fall like a power of the epoch, the one by which it fell from the third to
    the last quarter of the curve. On 60 curves of real data, stopped after 50 epochs or more, three
    of four such forecasts were within a factor of two.
    """
    n_epochs, quarter = len(curve), len(curve) // 4
    before = (curve[-2 * quarter - 1] - curve[-quarter - 1]) / quarter
    now = (curve[-quarter - 1] - curve[-1]) / quarter
    if now <= tol:
        return n_epochs
    if now >= before or not tol:
        return inf
    power = log(before / now) / log((n_epochs - quarter / 2) / (n_epochs - 1.5 * quarter))
    growth = log(now / tol) / power
    return (n_epochs - quarter / 2) * exp(min(growth, 99))


def lbfgs_not_converged(estimator, result):
    """Say that scipy's L-BFGS-B did not converge, and what to change."""
    if result.nit >= estimator.max_iter:
        remedy = f"Raise max_iter (now {estimator.max_iter})"
    elif result.nfev >= estimator.max_fun:
        remedy = f"Raise max_fun (now {estimator.max_fun})"
    else:
        remedy = f"Raise tol (now {estimator.tol})"
    return (
        f"lbfgs failed to converge after {estimator.n_iter_} iteration(s) "
        f"(status={result.status}): {result.message}. {remedy}, or scale the data, for example by "
        "a StandardScaler."
    )
