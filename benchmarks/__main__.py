"""Time and weigh the training; write a table, ``benchmarks.json`` and charts.

``python -m benchmarks --help`` lists the options. All of it takes an hour and a half or so, the
parts sweeps and tabular most of that.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks._charts import draw_cost, draw_reliability, draw_speed, save
from benchmarks._cost import measure_cost
from benchmarks._ensemble import measure_ensembles
from benchmarks._environment import describe_environment, limited_threads
from benchmarks._fit import time_fits
from benchmarks._halving import measure_halving
from benchmarks._memory import measure_memory
from benchmarks._predict import time_predictions
from benchmarks._report import report
from benchmarks._shapes import SHAPES
from benchmarks._sweeps import measure_sweeps
from benchmarks._tables import TABLES
from benchmarks._tabular import measure_tabular

PARTS = ("fit", "predict", "memory", "cost", "sweeps", "halving", "ensemble", "tabular")


def main(arguments=None):
    """Run the parts that are asked for and write what they measured."""
    options = parse_options(arguments)
    make_folder(options.output)
    with limited_threads(options.threads):
        results = run(options)
    (options.output / "benchmarks.json").write_text(json.dumps(results, indent=1))
    if any("seconds" in entry for entry in results.get("fit", [])):
        save(draw_speed(results["fit"]), options.output / "speed.png")
    if "cost" in results:
        save(draw_cost(results["cost"]), options.output / "cost.png")
    if any("calibration" in entry for entry in results.get("tabular", [])):
        save(draw_reliability(results["tabular"]), options.output / "reliability.png")
    print(report(results))


def run(options):
    """Return the environment and the results of each part by name."""
    quick, rounds = options.quick, options.rounds
    shapes = [SHAPES[name].quick() if quick else SHAPES[name] for name in options.shapes]
    parts = {
        "fit": lambda: time_fits(shapes, options.data, rounds),
        "predict": lambda: time_predictions(rounds, quick=quick),
        "memory": lambda: measure_memory(
            options.data, options.memmap_gb, options.threads, quick=quick
        ),
        "cost": lambda: measure_cost(rounds, quick=quick),
        "sweeps": lambda: measure_sweeps(rounds, quick=quick),
        "halving": lambda: measure_halving(options.data, rounds, quick=quick),
        "ensemble": lambda: measure_ensembles(rounds, quick=quick),
        "tabular": lambda: measure_tabular(
            options.data, options.tables, ablate=options.ablate, quick=quick
        ),
    }
    results = {"environment": describe_environment(), "rounds": rounds, "quick": quick}
    return results | {part: parts[part]() for part in options.parts}


def parse_options(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time and weigh MLPScratchClassifier beside MLPClassifier and torch.",
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument(
        "--shapes",
        nargs="+",
        choices=SHAPES,
        default=list(SHAPES),
        metavar="NAME",
        help=f"of the part fit; default: all of {', '.join(SHAPES)}",
    )
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=TABLES,
        default=list(TABLES),
        metavar="NAME",
        help=f"of the part tabular; default: all of {', '.join(TABLES)}",
    )
    parser.add_argument(
        "--ablate",
        action="store_true",
        help="in the part tabular: the recipe without one of its parts each, instead of the others",
    )
    parser.add_argument("--rounds", type=positive(int), metavar="N", help="default: 5")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="folder with the sub-folders mnist, fashion-mnist, cifar-10 and tabular (for "
        "covertype.npz); default: the environment variable SKNN_SCRATCH_DATA, else the data are "
        "fetched from OpenML",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", default=Path(), help="default: the current one"
    )
    parser.add_argument(
        "--threads",
        type=positive(int),
        metavar="N",
        help="of BLAS and of torch; default: BLAS as it is, torch as many as there are cores",
    )
    parser.add_argument(
        "--memmap-gb",
        type=positive(float),
        metavar="GB",
        help="size of the mapped file; default: 2",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round of tiny sizes, to see that it runs"
    )
    options = parser.parse_args(arguments)
    rounds, memmap_gb = (1, 0.05) if options.quick else (5, 2.0)
    options.rounds = options.rounds or rounds
    options.memmap_gb = options.memmap_gb or memmap_gb
    return options


def positive(number_type):
    """Return a parser of positive numbers, for argparse."""

    def parse(text):
        number = number_type(text)
        if number <= 0:
            raise argparse.ArgumentTypeError(f"must be positive, got {text}")
        return number

    parse.__name__ = f"positive {number_type.__name__}"  # argparse shows it in its own error
    return parse


def make_folder(folder):
    """Make the folder for the results before measuring, not to fail after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"Cannot write to the folder of --output: {error}")


if __name__ == "__main__":
    main()
