"""Memory that `fit` takes beside its data, each measurement in a process of its own (Linux only).

The process is this file, run as a module: ``python -m benchmarks._memory ...``.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks._contestants import CONTESTANTS, available
from benchmarks._environment import limited_threads
from benchmarks._shapes import SHAPES

STATUS = Path("/proc/self/status")
N_FEATURES, N_CLASSES = 784, 10  # of the memory-mapped file
WARM_UP_ROWS = 1_000


def measure_memory(folder, memmap_gb, threads, *, quick):
    """Return the entries `fit` and `memmap`, or why there are none."""
    if not STATUS.is_file():
        return {"left_out": "memory is read from /proc/self/status, which only Linux has"}
    threads = [] if threads is None else ["--threads", str(threads)]
    with tempfile.TemporaryDirectory() as temporary:
        return {
            "fit": measure_fits(folder, temporary, threads, quick=quick),
            "memmap": measure_memmap(temporary, memmap_gb, threads),
        }


def measure_fits(folder, temporary, threads, *, quick):
    """Return the megabytes that one epoch on all of MNIST takes beside X and y."""
    shape = replace(SHAPES["mnist"], rows=2 * WARM_UP_ROWS if quick else 60_000, epochs=1)
    try:
        X, y = shape.data(folder)
    except (OSError, ValueError, ImportError) as error:
        return {"left_out": str(error)}
    np.save(Path(temporary) / "X.npy", np.asarray(X, shape.dtypes[0]))
    np.save(Path(temporary) / "y.npy", y)
    names = [name for name in available() if name != "products"]
    results = {name: run_child("fit", temporary, name, *threads) for name in names}
    return {
        "shape": shape.name,
        "rows": len(X),
        "data_megabytes": X.nbytes / 1e6,
        "extra": {name: result["megabytes"] for name, result in results.items()},
        "loaded": {name: result["loaded_megabytes"] for name, result in results.items()},
    }


def measure_memmap(temporary, gigabytes, threads):
    """Return the anonymous megabytes that one epoch on a file of so many gigabytes takes.

    Only this package is measured, with each of its engines.
    """
    path = Path(temporary) / "large.npy"
    rows = write_large(path, gigabytes)
    names = [name for name in ("sknn_scratch", "numba") if name in available()]
    try:
        results = {name: run_child("memmap", temporary, name, *threads) for name in names}
    finally:
        path.unlink()
    return {
        "rows": rows,
        "columns": N_FEATURES,
        "file_gigabytes": gigabytes,
        "extra": {name: result["megabytes"] for name, result in results.items()},
        "seconds": {name: result["seconds"] for name, result in results.items()},
    }


def write_large(path, gigabytes):
    """Write random numbers in float32, piece by piece, and return the number of rows."""
    rows = int(gigabytes * 1e9 / (4 * N_FEATURES))
    draw = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (rows, N_FEATURES))
    for start in range(0, rows, 10_000):
        piece = file[start : start + 10_000]
        piece[...] = draw.random(piece.shape, dtype=np.float32)
    file.flush()
    return rows


def run_child(*arguments):
    """Run this file with the arguments and return what it measured."""
    print("memory:", *arguments[::2][:2], file=sys.stderr, flush=True)
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks._memory", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return json.loads(output)


def main():
    """Measure in this process, and print the result as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["fit", "memmap"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    measure = {"fit": child_fit, "memmap": child_memmap}[options.task]
    with limited_threads(options.threads):
        print(json.dumps(measure(options.folder, options.contestant)))


def child_fit(folder, contestant):
    """Return by how much the resident memory rises, at most, over that before the training.

    Apart from that, what the first, small training has loaded: code above all.
    """
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    before = megabytes("VmRSS")
    call = prepare_after_warm_up(contestant, X, y)
    loaded = megabytes("VmRSS") - before
    # Sets the peak back to the present. getrusage's ru_maxrss cannot be, and a child begins with
    # its parent's.
    Path("/proc/self/clear_refs").write_text("5")
    before = megabytes("VmRSS")
    call()
    return {"megabytes": megabytes("VmHWM") - before, "loaded_megabytes": loaded}


def child_memmap(folder, contestant):
    """Return by how much the anonymous memory rises; pages of the file are no extra memory."""
    X = np.load(folder / "large.npy", mmap_mode="r")
    y = np.random.default_rng(0).integers(N_CLASSES, size=len(X))
    call = prepare_after_warm_up(contestant, X, y)
    before = megabytes("RssAnon")
    start = time.perf_counter()
    with PeakOfAnonymous() as peak:
        call()
    seconds = time.perf_counter() - start
    return {"megabytes": peak.megabytes - before, "seconds": seconds}


def prepare_after_warm_up(contestant, X, y):
    """Return the call that trains for an epoch, after a small one.

    What the libraries load and set aside at their first use is thus not counted.
    """
    shape = replace(SHAPES["mnist"], epochs=1)
    prepare = CONTESTANTS[contestant]
    prepare(shape.job(X[:WARM_UP_ROWS], y[:WARM_UP_ROWS], X.dtype))()
    job = shape.job(X[:1], y[:1], X.dtype)
    return prepare(replace(job, X=X, y=y))  # X as it is: a map of the file stays one


def megabytes(field):
    """Return an entry of the status of this process, in millions of bytes."""
    kibibytes = re.search(rf"^{field}:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)[1]
    return int(kibibytes) * 1024 / 1e6


class PeakOfAnonymous:
    """The largest anonymous memory within a ``with`` block, looked up every few milliseconds.

    The system keeps the peak of all resident memory only, to which the pages of a mapped file
    belong.
    """

    def __enter__(self):
        self.megabytes = megabytes("RssAnon")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done.wait(0.002):
            self.megabytes = max(self.megabytes, megabytes("RssAnon"))

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


if __name__ == "__main__":
    main()
