"""Seconds of a whole `fit`, for each shape and dtype."""

import sys

from benchmarks._contestants import prepare_all
from benchmarks._timing import medians, time_first, time_in_turn


def time_fits(shapes, folder, rounds):
    """Return an entry for each shape and dtype; one whose data cannot be had says why."""
    entries = []
    for shape in shapes:
        try:
            data = shape.data(folder)
        except (OSError, ValueError, ImportError) as error:
            entries.append({"shape": shape.name, "left_out": str(error)})
            continue
        for dtype in shape.dtypes:
            print(f"fit: {shape.name}, {dtype}", file=sys.stderr, flush=True)
            entries.append(time_fit(shape, shape.job(*data, dtype), rounds))
    return entries


def time_fit(shape, job, rounds):
    """Return what was trained and how long each took."""
    calls = prepare_all(job)
    # Compiled code is compiled or loaded by the first fit of a dtype, which is timed by itself
    first = {name: time_first(calls[name]) for name in calls if name == "numba"}
    seconds = time_in_turn(calls, rounds)
    return {
        "shape": shape.name,
        "units": job.units,
        "dtype": str(job.X.dtype),
        "dtype_of_goal": shape.dtypes[0],
        "rows": len(job.X),
        "batch_size": job.batch_size,
        "solver": job.solver,
        "epochs": job.epochs,
        "first_seconds": first,
        "seconds": seconds,
        "median_seconds": medians(seconds),
    }
