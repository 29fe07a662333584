"""Seconds of an epoch, against the number of samples, the width, the depth and the batch size."""

import math
import sys
from statistics import median

import numpy as np

from benchmarks._contestants import prepare_products, prepare_sknn_scratch
from benchmarks._shapes import Job
from benchmarks._timing import time_call, time_in_turn

FIXED = {"samples": 10_000, "width": 128, "depth": 2, "batch size": 128}
SWEEPS = {
    "samples": [1_000, 3_000, 10_000, 30_000, 100_000],
    "width": [16, 32, 64, 128, 256, 512, 1024],
    "depth": [1, 2, 4, 8, 16],
    "batch size": [8, 16, 32, 64, 128, 256, 512, 1024],
}
QUICK_FIXED = {"samples": 200, "width": 8, "depth": 2, "batch size": 50}
QUICK_SWEEPS = {
    "samples": [100, 200],
    "width": [4, 8],
    "depth": [1, 2],
    "batch size": [20, 50],
}
N_FEATURES, N_CLASSES, DTYPE, SOLVER = 100, 10, "float32", "adam"
AT_LEAST = 0.2  # seconds of a fit, so that what it does once weighs little beside its epochs


def measure_cost(rounds, *, quick):
    """Return the fixed sizes and, for each size that varies, its values and the seconds."""
    fixed, sweeps = (QUICK_FIXED, QUICK_SWEEPS) if quick else (FIXED, SWEEPS)
    at_least = 0.0 if quick else AT_LEAST
    result = {
        "features": N_FEATURES,
        "classes": N_CLASSES,
        "dtype": DTYPE,
        "solver": SOLVER,
        "fixed": fixed,
        "sweeps": {},
    }
    for size, values in sweeps.items():
        print(f"cost: {size}", file=sys.stderr, flush=True)
        points = [time_epochs(fixed | {size: value}, rounds, at_least) for value in values]
        seconds = {name: [point[name] for point in points] for name in points[0]}
        result["sweeps"][size] = {"values": values, "seconds": seconds}
    return result


def time_epochs(sizes, rounds, at_least):
    """Return the median seconds of an epoch of MLPScratchClassifier and of its floor."""
    epochs = count_epochs(sizes, at_least)
    job = noise_job(sizes, epochs)
    calls = {"sknn_scratch": prepare_sknn_scratch(job), "products": prepare_products(job)}
    seconds = time_in_turn(calls, rounds)
    return {name: median(values) / epochs for name, values in seconds.items()}


def count_epochs(sizes, at_least):
    """Return how many epochs of the products take `at_least` seconds."""
    call = prepare_products(noise_job(sizes, 1))
    call()
    return max(1, math.ceil(at_least / time_call(call, 1))) if at_least else 1


def noise_job(sizes, epochs):
    """Return a job on random data."""
    draw = np.random.default_rng(0)
    n = sizes["samples"]
    return Job(
        X=draw.random((n, N_FEATURES), dtype=DTYPE),
        y=np.arange(n) % N_CLASSES,
        n_classes=N_CLASSES,
        hidden=(sizes["width"],) * sizes["depth"],
        solver=SOLVER,
        batch_size=sizes["batch size"],
        learning_rate=1e-3,
        epochs=epochs,
    )
