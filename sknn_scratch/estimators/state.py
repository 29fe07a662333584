"""What a model file holds: arrays, numbers and strings only, their version and their checksum.

The optimiser and the place where training stopped are records of private classes. In a file they
are dicts, so that it neither names these classes nor, with skops, asks anybody to trust them.
"""

from sknn_scratch._version import __version__
from sknn_scratch._warnings import warn
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.progress import Ending, Progress
from sknn_scratch.engine.schedules import SCHEDULES, ByEpoch
from sknn_scratch.engine.solvers import SOLVERS, AdamState, NesterovState, SGDState
from sknn_scratch.engine.training import Optimizer
from sknn_scratch.estimators.checksum import ChecksumWhenPickled, is_sound
from sknn_scratch.estimators.resume import ResumePoint
from sknn_scratch.exceptions import ModelVersionWarning

_VERSION = "_sknn_scratch_version"
_CHECKSUM = "_sknn_scratch_checksum"
_CLASS = "class"  # the key under which a dict says which record it was
# Without what users have added to the registries, which a file holds as it is
_RECORDS = {
    record.__name__: record
    for record in (
        *(ResumePoint, Progress, Optimizer, NesterovState, SGDState, AdamState, ByEpoch),
        *(*SOLVERS.values(), *SCHEDULES.values(), *LOSSES.values()),
    )
    if record.__module__.startswith("sknn_scratch.")
}


def packed(state):
    """Return the state of an estimator as it goes into a file."""
    state = _private(_as_plain, state) | {_VERSION: __version__}
    return state | {_CHECKSUM: ChecksumWhenPickled(state)}


def unpacked(state, estimator_name, is_whole):
    """Return the state of an estimator from a file; warn if another version wrote it.

    `is_whole` says that the state must be, and is checked to be, what `packed` returned.
    """
    if is_whole:
        _refuse_damaged(state, estimator_name)
    state = dict(state)
    version = state.pop(_VERSION, None)
    state.pop(_CHECKSUM, None)
    if version != __version__:
        warning = ModelVersionWarning(
            estimator_name=estimator_name, original_version=version, current_version=__version__
        )
        warn(warning)
    return _private(_as_record, state)


def own_curves(estimator):
    """Give a copy of an estimator lists of its own, because partial_fit appends to them."""
    state = vars(estimator)
    history = state.get("history_", {})
    own = {id(values): list(values) for values in history.values()}
    for name in ("loss_curve_", "validation_scores_"):
        if id(state.get(name)) in own:  # otherwise nothing is appended to it
            state[name] = own[id(state[name])]
    if "history_" in state:
        state["history_"] = {name: own[id(values)] for name, values in history.items()}


def _refuse_damaged(state, estimator_name):
    content = {name: value for name, value in state.items() if name != _CHECKSUM}
    if _CHECKSUM in state:
        sound = is_sound(content, state[_CHECKSUM])
    else:  # versions before this one had none
        sound = content.get(_VERSION) != __version__
    if not sound:
        raise ValueError(
            f"The file of this {estimator_name} is damaged: its content does not match the "
            "checksum that was written with it. Write the model to a file again, or "
            "get another copy."
        )


def _private(convert, state):
    # A public attribute is never a record, but may be a dict with whatever keys the user likes
    return {
        name: convert(value) if name.startswith("_") else value for name, value in state.items()
    }


def _as_plain(value):
    if isinstance(value, Parameters):
        return {_CLASS: "Parameters", "units": value.units, "flat": value.flat}
    if isinstance(value, Ending):
        return {_CLASS: "Ending", "name": value.name}
    if _RECORDS.get(type(value).__name__) is not type(value):
        return value
    fields = {name: _as_plain(field) for name, field in vars(value).items()}
    return {_CLASS: type(value).__name__} | fields


def _as_record(value):
    if not isinstance(value, dict) or _CLASS not in value:
        return value
    fields = {name: _as_record(field) for name, field in value.items() if name != _CLASS}
    if value[_CLASS] == "Parameters":
        return Parameters(**fields)
    if value[_CLASS] == "Ending":
        return Ending[fields["name"]]
    record = object.__new__(_RECORDS[value[_CLASS]])
    vars(record).update(fields)
    return record
