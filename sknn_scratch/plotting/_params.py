"""What the displays share: the parameters of candidates, in few words."""

# Characters of a value that are shown: the repr of an estimator may be a page
_HEAD, _TAIL = 16, 13


def own_params(estimator):
    """Return the parameters of an estimator without those that hold other estimators."""
    params = estimator.get_params()
    parents = {name.rpartition("__")[0] for name in params} | {"steps"}
    return {name: value for name, value in params.items() if name not in parents}


def varying(params):
    """Return the names of the parameters in which some of these dicts differ."""
    names = dict.fromkeys(name for own in params for name in own)
    return [name for name in names if len({repr(own.get(name)) for own in params}) > 1]


def short_names(names):
    """Return each name without the steps of a pipeline before it, by the full name.

    If two of them would be one, all stay as they are.
    """
    short = {name: name.rpartition("__")[2] for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in names}


def shown(value):
    """Return a value of a parameter as text."""
    if isinstance(value, float):
        return f"{value:g}"
    text = getattr(value, "__name__", None) or " ".join(str(value).split())
    return text if len(text) <= _HEAD + _TAIL + 1 else f"{text[:_HEAD]}…{text[-_TAIL:]}"
