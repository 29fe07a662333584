"""What was measured of the recipe for tables, as plain tables."""

from collections import defaultdict
from statistics import geometric_mean, mean, stdev

from benchmarks._align import align

REFERENCES = (
    "MLP",
    "boosting",
    "RealMLP-TD-S",
    "RealMLP-TD",
    "RealMLP-TD-S, log loss",
    "RealMLP-TD, log loss",
)


def tabular_tables(entries):
    """Return one table for each number, the ratios of the losses, and what was left out."""
    whole = [entry for entry in entries if "loss" in entry and "members" not in entry]
    made = [
        by_table("log loss", [e for e in whole if "accuracy" in e], "loss", "{:.4f}"),
        by_table("accuracy", whole, "accuracy", "{:.4f}"),
        by_table("calibration error", whole, "calibration_error", "{:.3f}"),
        by_table("RMSE", [e for e in whole if "accuracy" not in e], "loss", "{:.4g}"),
        by_table("seconds of fit", whole, "seconds", "{:.3g}"),
        ratios_table(whole),
        members_table(entries),
    ]
    left_out = [
        f"{entry['table']}: left out: {entry['left_out']}"
        for entry in entries
        if "left_out" in entry
    ]
    return "\n\n".join([*filter(None, made), *left_out])


def by_table(title, entries, key, form):
    """Return a line for each table: the mean over the seeds for each model, and the spread."""
    values = grouped([entry for entry in entries if key in entry], key)
    if not values:
        return ""
    models = list(dict.fromkeys(model for _, model in values))
    tables = list(dict.fromkeys(table for table, _ in values))
    rows = [
        [table, *(mean_and_spread(values.get((table, model)), form) for model in models)]
        for table in tables
    ]
    return f"tabular: {title}, mean and standard deviation over the seeds\n" + align(
        [["table", *models], *rows]
    )


def grouped(entries, key):
    """Return the values over the seeds by table and model."""
    values = defaultdict(list)
    for entry in entries:
        values[entry["table"], entry["model"]].append(entry[key])
    return values


def mean_and_spread(values, form):
    """Return the cell of several values."""
    if not values:
        return "-"
    spread = f" ({form.format(stdev(values))})" if len(values) > 1 else ""
    return form.format(mean(values)) + spread


def ratios_table(entries):
    """Return the geometric means of the recipe's losses over those of the others."""
    rows = []
    for title, has_classes in (("log loss", True), ("RMSE", False)):
        of_kind = [entry for entry in entries if ("accuracy" in entry) is has_classes]
        losses = {which: mean(values) for which, values in grouped(of_kind, "loss").items()}
        for other in REFERENCES:
            ratios = [
                losses[table, "recipe"] / loss
                for (table, model), loss in losses.items()
                if model == other and (table, "recipe") in losses
            ]
            if ratios:
                lower = sum(ratio < 1 for ratio in ratios)
                cells = [f"{geometric_mean(ratios):.3f}", f"{lower} of {len(ratios)}"]
                rows.append([title, other, *cells])
    head = ["", "recipe /", "geometric mean", "lower on"]
    return "tabular: the recipe beside the others\n" + align([head, *rows]) if rows else ""


def members_table(entries):
    """Return the losses of a few networks over those of all, as geometric means."""
    whole = grouped([e for e in entries if e.get("model") == "recipe" and "seconds" in e], "loss")
    of_few = [entry for entry in entries if "members" in entry and entry["model"] == "recipe"]
    rows = []
    for n_members in sorted({entry["members"] for entry in of_few}):
        few = grouped([e for e in of_few if e["members"] == n_members], "loss")
        ratios = [mean(few[which]) / mean(whole[which]) for which in few]
        rows.append([str(n_members), f"{geometric_mean(ratios):.3f}"])
    head = ["networks", "loss / loss of all"]
    return "tabular: fewer networks, geometric means\n" + align([head, *rows]) if rows else ""
