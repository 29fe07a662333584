"""What was measured, as a plain table."""

from math import nan
from statistics import median

from benchmarks._align import align
from benchmarks._tabular_report import tabular_tables

FIT_COLUMNS = ["sknn_scratch", "numba", "scikit-learn", "torch", "products"]
PREDICT_COLUMNS = ["sknn_scratch", "scikit-learn", "torch"]
SEARCH_COLUMNS = ["numba, 2 threads", "numba", "numpy", "one by one", "scikit-learn"]
SEARCH_RATIOS = [("scikit-learn", "numba, 2 threads"), ("one by one", "numpy")]
TRAINER_COLUMNS = ["numba, 2 threads", "numba", "numpy"]
TRAINER_COLUMNS += ["scikit-learn, numba, 2 jobs", "scikit-learn, numpy"]
TRAINER_RATIOS = [("numba", "numba, 2 threads"), ("scikit-learn, numpy", "numba, 2 threads")]
PREDICTOR_COLUMNS = ["sknn_scratch, 2 jobs", "sknn_scratch", "scikit-learn, 2 jobs", "scikit-learn"]
PREDICTOR_RATIOS = [
    ("scikit-learn", "sknn_scratch"),
    ("scikit-learn, 2 jobs", "sknn_scratch, 2 jobs"),
]


def report(results):
    """Return all tables as text; parts that were not run are left out."""
    tables = [environment_table(results["environment"])]
    makers = {
        "fit": fit_table,
        "predict": predict_table,
        "memory": memory_table,
        "cost": cost_table,
        "sweeps": sweeps_table,
        "halving": halving_table,
        "ensemble": ensemble_tables,
        "tabular": tabular_tables,
    }
    tables += [make(results[part]) for part, make in makers.items() if part in results]
    return "\n\n".join(tables)


def environment_table(environment):
    """Return versions and counts, one a line."""
    return "\n".join(f"{name + ':':<16} {value}" for name, value in environment.items())


def fit_table(entries):
    """Return seconds of fit and their ratios; the dtype of the goal is marked by a star."""
    head = ["shape", "units", "solver", "B", "rows", "epochs", "dtype"]
    head += FIT_COLUMNS
    head += ["scikit-learn/ours", "torch/ours", "ours/products"]
    head += ["ours/numba", "scikit-learn/numba", "torch/numba", "numba/products"]
    done = [entry for entry in entries if "seconds" in entry]
    lines = [
        "fit: median seconds of the whole of it, and ratios (* the dtype of the goal)",
        align([head, *map(fit_row, done)]),
    ]
    lines += [
        f"{entry['shape']}: left out: {entry['left_out']}"
        for entry in entries
        if "left_out" in entry
    ]
    return "\n".join(lines + first_fit_lines(done))


def first_fit_lines(entries):
    """Return, for each dtype, how long the first of its compiled fits took."""
    first_of = {entry["dtype"]: entry for entry in reversed(entries) if entry["first_seconds"]}
    return [
        f"the first fit with engine='numba' in {dtype} ({entry['shape']}): "
        f"{entry['first_seconds']['numba']:.3g} s"
        for dtype, entry in first_of.items()
    ]


def fit_row(entry):
    """Return the cells of a line."""
    seconds = entry["median_seconds"]
    star = "*" if entry["dtype"] == entry["dtype_of_goal"] else " "
    sizes = [entry[name] for name in ("solver", "batch_size", "rows", "epochs")]
    return [
        entry["shape"],
        "-".join(map(str, entry["units"])),
        *map(str, sizes),
        entry["dtype"] + star,
        *(show_seconds(seconds, name) for name in FIT_COLUMNS),
        show_ratio(seconds, "scikit-learn", "sknn_scratch"),
        show_ratio(seconds, "torch", "sknn_scratch"),
        show_ratio(seconds, "sknn_scratch", "products"),
        *(show_ratio(seconds, name, "numba") for name in PREDICT_COLUMNS),
        show_ratio(seconds, "numba", "products"),
    ]


def predict_table(entries):
    """Return seconds of predict_proba and their ratios."""
    head = ["network", "units", "dtype", "rows", *PREDICT_COLUMNS]
    head += ["scikit-learn/ours", "torch/ours"]
    rows = [
        [
            entry["network"],
            "-".join(map(str, entry["units"])),
            entry["dtype"],
            str(entry["rows"]),
            *(show_seconds(entry["median_seconds"], name) for name in PREDICT_COLUMNS),
            show_ratio(entry["median_seconds"], "scikit-learn", "sknn_scratch"),
            show_ratio(entry["median_seconds"], "torch", "sknn_scratch"),
        ]
        for entry in entries
    ]
    return "predict_proba: median seconds, and ratios\n" + align([head, *rows])


def memory_table(memory):
    """Return the megabytes that fit takes."""
    if "left_out" in memory:
        return f"memory: left out: {memory['left_out']}"
    return "\n".join([describe_memory_of_fit(memory["fit"]), describe_memmap(memory["memmap"])])


def describe_memory_of_fit(fit):
    """Return the line about data in memory."""
    if "left_out" in fit:
        return f"memory of fit: left out: {fit['left_out']}"
    return (
        f"memory of fit on {fit['shape']}, {fit['rows']} rows, beside the "
        f"{fit['data_megabytes']:.0f} MB of X, at its peak: {list_megabytes(fit['extra'])}\n"
        f"loaded by the first fit of a process: {list_megabytes(fit['loaded'])}"
    )


def describe_memmap(memmap):
    """Return the line about data in a file."""
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in memmap["seconds"].items())
    return (
        f"memory of fit on a memory-mapped file of {memmap['file_gigabytes']:g} GB, "
        f"{memmap['rows']} x {memmap['columns']} float32, one epoch: anonymous memory at its "
        f"peak: {list_megabytes(memmap['extra'])}; {seconds}"
    )


def list_megabytes(by_name):
    """Return each name with its megabytes."""
    return ", ".join(f"{name} {megabytes:.1f} MB" for name, megabytes in by_name.items())


def cost_table(cost):
    """Return seconds of an epoch over each size."""
    tables = ["cost: median seconds of an epoch, and ratio"]
    for size, sweep in cost["sweeps"].items():
        ours, products = (sweep["seconds"][name] for name in ("sknn_scratch", "products"))
        rows = [
            [str(value), f"{a:.3g}", f"{b:.3g}", f"{a / b:.2f}"]
            for value, a, b in zip(sweep["values"], ours, products, strict=True)
        ]
        tables.append(align([[size, "sknn_scratch", "products", "ours/products"], *rows]))
    return "\n".join(tables)


def sweeps_table(sweeps):
    """Return seconds of the searches, and how many times as long the slower ones take."""
    head = ["search", "B", "dtype", "candidates", "folds", *SEARCH_COLUMNS]
    head += [f"{slower}/{faster}" for slower, faster in SEARCH_RATIOS]
    return "\n".join(
        [
            "sweeps: median seconds of a whole search, and ratios",
            align([[*head, "scores apart by"], *map(sweep_row, sweeps["searches"])]),
        ]
    )


def sweep_row(entry):
    """Return the cells of a line."""
    seconds = entry["median_seconds"]
    sizes = [entry[name] for name in ("batch_size", "dtype", "candidates", "folds")]
    return [
        entry["sweep"],
        *map(str, sizes),
        *(show_seconds(seconds, name) for name in SEARCH_COLUMNS),
        *(show_ratio(seconds, slower, faster) for slower, faster in SEARCH_RATIOS),
        f"{entry['largest_difference_of_scores']:.2g}",
    ]


def halving_table(halving):
    """Return seconds of the searches, and the best scores of the full grid and of halving."""
    entries = halving["searches"]
    names = list(entries[0]["seconds"])
    head = ["search", "candidates", "folds", *names, "best of grid", "best of halving", "missed"]
    rows = [head]
    for entry in entries:
        sizes = [str(entry[name]) for name in ("candidates", "folds")]
        times = [show_seconds(entry["median_seconds"], name) for name in names]
        best = [f"{entry['best_scores'].get(k, nan):.4f}" for k in ("full grid", "halving")]
        rows.append([entry["sweep"], *sizes, *times, *best, show_missed(entry["missed_scores"])])
    return "\n".join(["halving: median seconds of a whole search", align(rows)])


def show_missed(missed):
    """Return the median and the largest of the differences of best scores, in words."""
    if not missed:
        return "not measured"
    return f"{median(missed):.4f}, at most {max(missed):.4f} of {len(missed)}"


def ensemble_tables(ensembles):
    """Return seconds of the training of ensembles, and of their predictions."""
    head = ["members", "n", "B", "dtype", "rows", "epochs", *TRAINER_COLUMNS]
    head += [f"{slower} / {faster}" for slower, faster in TRAINER_RATIOS]
    fits = [[*head, "predictions apart by"], *map(trainer_row, ensembles["fit"])]
    head = ["members", "n", "dtype", "rows", *PREDICTOR_COLUMNS]
    head += [f"{slower} / {faster}" for slower, faster in PREDICTOR_RATIOS]
    predictions = [head, *map(predictor_row, ensembles["predict"])]
    return "\n".join(
        [
            "ensemble: median seconds of a whole fit, and ratios",
            align(fits),
            "ensemble: median seconds of predict_proba, and ratios",
            align(predictions),
        ]
    )


def trainer_row(entry):
    """Return the cells of a line."""
    seconds = entry["median_seconds"]
    sizes = [entry[name] for name in ("n_members", "batch_size", "dtype", "rows", "epochs")]
    return [
        entry["members"],
        *map(str, sizes),
        *(show_seconds(seconds, name) for name in TRAINER_COLUMNS),
        *(show_ratio(seconds, slower, faster) for slower, faster in TRAINER_RATIOS),
        f"{entry['largest_difference']:.2g}",
    ]


def predictor_row(entry):
    """Return the cells of a line."""
    seconds = entry["median_seconds"]
    return [
        entry["members"],
        *(str(entry[name]) for name in ("n_members", "dtype", "rows")),
        *(show_seconds(seconds, name) for name in PREDICTOR_COLUMNS),
        *(show_ratio(seconds, slower, faster) for slower, faster in PREDICTOR_RATIOS),
    ]


def show_seconds(seconds, name):
    """Return the cell of a time."""
    return f"{seconds[name]:.3g}" if name in seconds else "not installed"


def show_ratio(seconds, above, below):
    """Return the cell of a ratio of medians."""
    return f"{seconds[above] / seconds[below]:.2f}" if {above, below} <= set(seconds) else "-"
