"""What was measured, as figures."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

RIVALS = {
    "scikit-learn": {"label": "scikit-learn's MLPClassifier", "color": "#0b4f8a"},
    "torch": {
        "label": "torch, eager, fused step",
        "color": "#f4b860",
        "hatch": "///",
        "edgecolor": "#5a4010",
    },
}
BAR_HEIGHT = 0.38
ENOUGH_ROWS = 50  # a share of fewer rows is off by more than 0.07, one standard error
TICKS = [0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50]
STYLES = {
    "sknn_scratch": {
        "label": "MLPScratchClassifier.fit",
        "marker": "o",
        "linestyle": "-",
        "color": "#0b4f8a",
    },
    "products": {
        "label": "the bare matrix products and the gathering of batches",
        "marker": "s",
        "linestyle": "--",
        "color": "#c26a00",
    },
}
UNITS = {
    "samples": "number of samples",
    "width": "units in each hidden layer",
    "depth": "number of hidden layers",
    "batch size": "batch size, samples",
}


# Colours that differ in lightness too, and markers, so that the lines can be told apart in grey
MODELS = {
    "recipe": {"marker": "o", "color": "#0b4f8a", "linewidth": 2.2},
    "MLP": {"marker": "s", "color": "#c26a00", "label": "MLPClassifier"},
    "boosting": {"marker": "^", "color": "#4d9a51", "label": "HistGradientBoosting"},
    "RealMLP-TD-S": {"marker": "D", "color": "#b07cc6"},
    "RealMLP-TD": {"marker": "v", "color": "#7a5230"},
}


def draw_speed(entries):
    """Return the chart of how many times as fast `fit` is, in the dtype of the goal."""
    entries = [e for e in entries if "seconds" in e and e["dtype"] == e["dtype_of_goal"]]
    figure = Figure(figsize=(9, 1.6 + 0.75 * len(entries)), layout="constrained")
    axes = figure.subplots()
    rivals = [name for name in RIVALS if name in entries[0]["seconds"]]
    for offset, rival in enumerate(rivals):
        draw_bars(axes, entries, rival, offset - (len(rivals) - 1) / 2)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(entries)), [describe(entry) for entry in entries])
    axes.invert_yaxis()
    axes.set_xscale("log")
    mark(axes.xaxis, FixedLocator(TICKS))
    axes.margins(x=0.12)
    axes.set_xlabel("seconds of the other / seconds of MLPScratchClassifier (logarithmic scale)")
    axes.set_title("The same training takes others so many times as long (right of 1: longer)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def draw_bars(axes, entries, rival, offset):
    """Draw a bar for each shape from 1 to its ratio, with the number at its end."""
    medians = [entry["median_seconds"] for entry in entries]
    ratios = [seconds[rival] / seconds["sknn_scratch"] for seconds in medians]
    rows = [row + offset * BAR_HEIGHT for row in range(len(ratios))]
    widths = [ratio - 1 for ratio in ratios]
    axes.barh(rows, widths, BAR_HEIGHT, left=1, **RIVALS[rival])
    for row, ratio in zip(rows, ratios, strict=True):
        side, gap = ("left", 4) if ratio >= 1 else ("right", -4)
        text = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
        place = {"xytext": (gap, 0), "textcoords": "offset points", "ha": side, "va": "center"}
        axes.annotate(text, (ratio, row), **place)


def mark(axis, locator):
    """Put ticks with plain numbers, and no others, on a logarithmic axis."""
    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def describe(entry):
    """Return the label of a shape: its name and sizes."""
    units = "-".join(map(str, entry["units"]))
    batch = entry["batch_size"]
    batch = "full batch" if batch >= entry["rows"] else f"batch {batch}"
    return f"{entry['shape']}: {units}\n{entry['solver']}, {batch}, {entry['dtype']}"


def draw_cost(cost):
    """Return the chart of the milliseconds of an epoch, with a panel for each size."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for axes, (size, sweep) in zip(panels, cost["sweeps"].items(), strict=True):
        draw_sweep(axes, size, sweep)
        axes.set_title(describe_fixed(cost["fixed"], size), fontsize="medium")
    figure.suptitle(
        f"What an epoch costs: {cost['features']} inputs, {cost['classes']} classes, "
        f"{cost['solver']}, {cost['dtype']}, both axes logarithmic"
    )
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def draw_sweep(axes, size, sweep):
    """Draw a panel: a curve for each of those who were timed."""
    for name, seconds in sweep["seconds"].items():
        axes.loglog(sweep["values"], [1e3 * value for value in seconds], **STYLES[name])
    mark(axes.xaxis, FixedLocator(sweep["values"]))
    mark(axes.yaxis, LogLocator(subs=[1, 2, 5]))
    axes.set_xlabel(UNITS[size])
    axes.set_ylabel("milliseconds of an epoch")
    axes.grid(alpha=0.3)


def describe_fixed(fixed, varied):
    """Return the title of a panel: the sizes that stay."""
    texts = {
        "samples": "{:,} samples",
        "width": "{} units a layer",
        "depth": "{} hidden layers",
        "batch size": "batch size {}",
    }
    return ", ".join(text.format(fixed[name]) for name, text in texts.items() if name != varied)


def save(figure, path):
    """Write the figure; hatching as fine as the bars."""
    with matplotlib.rc_context({"hatch.linewidth": 0.8}):
        figure.savefig(path, dpi=150)


def draw_reliability(entries):
    """Return the chart of how often predictions are right, over how sure the models are of them.

    The test rows of all tables and seeds are taken together.
    """
    entries = [e for e in entries if "calibration" in e and "members" not in e]
    figure = Figure(figsize=(6.5, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.axline((1, 1), slope=1, color="black", linewidth=1, linestyle=":")
    for name in dict.fromkeys(entry["model"] for entry in entries):
        bins = [entry["calibration"] for entry in entries if entry["model"] == name]
        rows, confidence, right = (
            np.sum([of_one[column] for of_one in bins], axis=0)
            for column in ("rows", "confidence", "right")
        )
        enough = rows >= ENOUGH_ROWS
        style = {"label": name} | MODELS.get(name, {"marker": "x"})
        axes.plot(confidence[enough] / rows[enough], right[enough] / rows[enough], **style)
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right")
    axes.set_title("Below the diagonal a model is too sure of itself")
    axes.set(xlim=(0.25, 1.02), ylim=(0.25, 1.02), aspect="equal")
    axes.legend()
    return figure
