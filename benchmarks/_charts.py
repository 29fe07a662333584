"""What was measured, as figures."""

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

RIVALS = {
    "scikit-learn": {"color": "#0b4f8a"},
    "torch": {"color": "#f4b860", "hatch": "///", "edgecolor": "#5a4010"},
}
TICKS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]
STYLES = {
    "sknn_scratch": {"marker": "o", "linestyle": "-", "color": "#0b4f8a"},
    "products": {"marker": "s", "linestyle": "--", "color": "#c26a00"},
}
LABELS = {
    "sknn_scratch": "MLPScratchClassifier.fit",
    "products": "the bare matrix products and gathering",
}
UNITS = {
    "samples": "number of samples",
    "width": "units in each hidden layer",
    "depth": "number of hidden layers",
    "batch size": "batch size, samples",
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
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(x=0.12)
    axes.set_xlabel("seconds of the other / seconds of MLPScratchClassifier (logarithmic scale)")
    axes.set_title("The same training: how many times as long others take (right of 1: longer)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def draw_bars(axes, entries, rival, offset):
    """Draw a bar for each shape from 1 to its ratio, with the number at its end."""
    height = 0.38
    medians = [entry["median_seconds"] for entry in entries]
    ratios = [seconds[rival] / seconds["sknn_scratch"] for seconds in medians]
    label = {"scikit-learn": "scikit-learn's MLPClassifier", "torch": "torch, eager, fused step"}
    for row, ratio in enumerate(ratios):
        y = row + offset * height
        axes.barh(
            y,
            ratio - 1,
            height,
            left=1,
            label=label[rival] if row == 0 else None,
            **RIVALS[rival],
        )
        right = ratio >= 1
        axes.annotate(
            f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}",
            (ratio, y),
            xytext=(4 if right else -4, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
        )


def describe(entry):
    """Return the label of a shape: its name and sizes."""
    units = "-".join(map(str, entry["units"]))
    batch = entry["batch_size"]
    batch = "full batch" if batch >= entry["rows"] else f"batch {batch}"
    return f"{entry['shape']}: {units}\n{entry['solver']}, {batch}, {entry['dtype']}"


def draw_cost(cost):
    """Return the chart of the seconds of an epoch, with a panel for each size."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for axes, (size, sweep) in zip(panels, cost["sweeps"].items(), strict=True):
        for name, seconds in sweep["seconds"].items():
            axes.loglog(sweep["values"], seconds, label=LABELS[name], **STYLES[name])
        axes.xaxis.set_major_locator(FixedLocator(sweep["values"]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.set_xlabel(UNITS[size])
        axes.set_ylabel("seconds of an epoch")
        axes.set_title(describe_fixed(cost["fixed"], size), fontsize="medium")
        axes.grid(alpha=0.3)
    figure.suptitle(
        f"What an epoch costs: {cost['features']} inputs, {cost['classes']} classes, "
        f"{cost['solver']}, {cost['dtype']}, both axes logarithmic"
    )
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


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
