"""The validation set: what is measured on it, and the number by which early stopping goes."""

import numpy as np

from sknn_scratch._warnings import warn
from sknn_scratch.engine.network import raw_scores
from sknn_scratch.engine.outputs import largest
from sknn_scratch.engine.target_weights import (
    are_by_target,
    samples_with_targets,
    total_loss,
    weight_of_samples,
)
from sknn_scratch.exceptions import ValidationSetWarning

# Enough training samples to tell whether the network itself is still sound
N_PROBES = 1000

_SCORES = {"r2": "R^2", "d2": "D^2"}  # what messages call them


def judge_of(estimator, data, validation, held_out):
    """Return the name of the number in the history whose progress counts.

    `data` are the Prepared of the fit; `held_out` says whether the validation set is a part of its
    samples. Where its score is the same whatever the network predicts, the loss takes its place,
    with a warning. Where no target of the fit varies either, the rule is scikit-learn's.
    """
    if estimator.early_stopping_on == "loss":
        return "validation_loss"
    _, y_val, weight = validation
    score_varies, score_name = data.loss.score_varies, data.loss.score_name
    score = _SCORES.get(score_name, score_name)
    if _varies(score_varies, y_val, weight):
        return "validation_score"
    if len(y_val) == 1:
        raise ValueError(
            f"The validation set has one sample, for which {score} is not defined. Give at least "
            "two samples with different targets, or set early_stopping_on='loss'."
        )
    if not score_varies(data.y):
        return "validation_score"
    _warn_of_constant_targets(held_out, score)
    return "validation_loss"


def _varies(score_varies, y, weight):
    """Whether the score varies for the samples that have weight; for one target is enough."""
    if are_by_target(weight):
        return any(score_varies(y[rows, k : k + 1]) for k, rows in samples_with_targets(weight))
    return score_varies(y if weight is None else y[weight > 0])


def _warn_of_constant_targets(held_out, score):
    if held_out:
        whose = "The samples that early_stopping has held out all have the same target"
        remedy = "Increase validation_fraction, give a validation set of your own"
    else:
        whose = "The samples of y_val, as far as they have weight, all have the same target"
        remedy = "Give samples with different targets"
    warn(
        f"{whose}. Their {score} says nothing about the network; early stopping therefore goes by "
        f"the validation loss. {remedy}, or set early_stopping_on='loss'.",
        ValidationSetWarning,
    )


def measured_on(validation, params, activations, loss):
    """Return loss, without penalties, and score on the validation set, as the history has them."""
    X, y, weight = validation
    raw = _raw_scores_of(params, activations, X, weight)
    if not np.isfinite(raw).all():
        return {"validation_loss": float("nan"), "validation_score": float("nan")}
    if are_by_target(weight):
        mean = total_loss(loss, raw, y, weight) / weight_of_samples(weight).sum()
        score = loss.mean_score_by_target(raw, y, weight)
    else:
        mean = np.average(loss.value(raw, y), weights=weight)
        score = loss.mean_score(raw, y, weight)
    return {
        "validation_loss": float(loss.reported(mean, 0.0, params.units[-1])),
        "validation_score": float(score),
    }


def _raw_scores_of(params, activations, X, weight):
    """Return the raw scores of the validation set, zero for samples or targets without weight.

    Such targets have no say, not even where the network's output for them is infinite.
    """
    raw = raw_scores(params, activations, X)
    if weight is not None and not weight.all():
        raw[weight == 0] = 0
    return raw


def is_sound_on(params, objective, X, y):
    """Return whether loss and score are finite on these training samples."""
    raw = raw_scores(params, objective.activations, X)
    per_sample = objective.loss.score(raw, y), objective.loss.value(raw, y)
    return bool(np.isfinite(per_sample).all())


def unusable_message(judge, value, validation, training, held_out):
    """Say that the validation set makes `value` of the judge, though the network is sound.

    `validation` and `training` begin with X and y.
    """
    ends = [f"{largest(part):.3g}" for part in (*validation[:2], *training[:2])]
    if held_out:
        whose = "The samples that early_stopping has held out"
        remedy = "Look for outliers among the samples, and scale them"
    else:
        whose = "X_val, y_val or sample_weight_val"
        remedy = "Scale the validation set as the training set is scaled"
    return (
        f"The {judge.replace('_', ' ')} is {value}, although the training loss is finite. {whose} "
        f"must hold values too large to compute with: the validation set goes up to {ends[0]} "
        f"in X and {ends[1]} in y, the training set up to {ends[2]} and {ends[3]}. "
        f"{remedy}."
    )
