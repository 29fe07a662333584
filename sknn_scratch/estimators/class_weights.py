"""What `class_weight` says each sample counts."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from sknn_scratch.estimators.validation import is_finite


def weight_of_samples(class_weight, y, classes, sample_weight, *, several_labels):
    """Return the weight that `class_weight` gives each sample, an array (n_samples,).

    y is encoded, (n_samples, n_outputs). `sample_weight` counts towards the frequencies of
    'balanced'.
    """
    if several_labels:
        weight = _weight_by_labels(class_weight, y)
    else:
        codes = (y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)).astype(int)
        weight = _weight_of_classes(class_weight, codes, classes, sample_weight)[codes]
    if not weight.any():
        raise ValueError(
            f"class_weight is zero for every sample of y, got {class_weight!r}. Give a class that "
            "y holds a weight above zero."
        )
    return weight


def _weight_by_labels(class_weight, y):
    """Return the product over the labels of what the value of each label weighs."""
    if isinstance(class_weight, str):
        return compute_sample_weight(class_weight, y.astype(int))
    n_labels = y.shape[1]
    if not isinstance(class_weight, list) or len(class_weight) != n_labels:
        raise ValueError(
            f"class_weight must be a list of {n_labels} dicts, one for each label of y, or "
            f"'balanced', got {class_weight!r}."
        )
    by_label = [weight_of_each(weights, [0, 1], class_weight) for weights in class_weight]
    with_and_without = zip(by_label, y.T, strict=True)
    return np.prod([np.where(k > 0, w[1], w[0]) for w, k in with_and_without], axis=0)


def _weight_of_classes(class_weight, codes, classes, sample_weight):
    """Return the weight of each class, where a sample has one class."""
    if isinstance(class_weight, dict):
        return weight_of_each(class_weight, classes, class_weight)
    if isinstance(class_weight, list):
        listed = ", ".join(f"{label!r}: ..." for label in classes[:3].tolist())
        raise ValueError(
            "A list as class_weight is for several labels, but each sample of y has one class, "
            f"got {class_weight!r}. Give a dict of the weights, {{{listed}}}."
        )
    by_class = compute_class_weight(
        class_weight, classes=classes, y=classes[codes], sample_weight=sample_weight
    )
    if not np.isfinite(by_class).all():
        raise ValueError(
            f"class_weight={class_weight!r} needs samples of every class whose "
            "sample_weight is not zero."
        )
    return by_class


def weight_of_each(weights, classes, class_weight):
    """Return the weight of each class from a dict of `class_weight`; 1 where none is named."""
    if not isinstance(weights, dict):
        raise ValueError(
            "class_weight must be a dict of weights by class, or a list of such dicts for several "
            f"labels, got {class_weight!r}."
        )
    if not all(is_finite(weight) and weight >= 0 for weight in weights.values()):
        raise ValueError(
            f"class_weight must hold finite numbers >= 0 by class, got {class_weight!r}."
        )
    unknown = [label for label in weights if label not in set(classes)]
    # A part of the data may lack a class; beside a class without a weight it is a slip of the pen
    if unknown and not all(label in weights for label in classes):
        known = np.asarray(classes).tolist()
        raise ValueError(
            f"class_weight names {unknown}, but the classes of y are {known}, got "
            f"{class_weight!r}. Use the labels of y, of the same type."
        )
    return np.array([weights.get(label, 1) for label in classes], dtype=np.float64)
