"""The progress bar of a search: its figures are those of the search that it watched."""

import io
import os
import pickle
import re
import sys
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import ClassVar

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback.tests._utils import RecordingCallback
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.callbacks import SearchProgress
from sknn_scratch.estimators import fit as fit_module
from sknn_scratch.model_selection import (
    MLPGridSearchCV,
    MLPHalvingGridSearchCV,
    MLPRandomizedSearchCV,
    bars,
    reporting,
)
from sknn_scratch.model_selection.progress import Display, Report, RoundProgress

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:Got `batch_size`",
    "ignore:One or more of the test scores are non-finite",
)

X, y = make_classification(60, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]
GRID = {"learning_rate_init": [0.01, 0.03, 0.1], "alpha": [0, 0.1, 1.0]}
EPOCHS = {"resource": "max_iter", "max_resources": 9}
LINE = re.compile(
    r"(?P<title>\w[\w ]*?) +\[.*\] +(?P<share>\d+)%"
    r"(?:  epochs (?P<epochs>[\d,]+)/(?P<planned>[\d,]+))?"
    r"(?:  (?P<kind>\w+) left (?P<left>[\d,]+)/(?P<networks>[\d,]+))?"
    r"(?:  best score (?P<best>\S+))?(?:  (?P<failed>\d+) failed)?  \d+:\d\d"
)


def network(**params):
    return MLPScratchClassifier(
        **{"hidden_layer_sizes": (3,), "max_iter": 5, "random_state": 0} | params
    )


def watched(search):
    return search.set_callbacks(SearchProgress("text"))


def figures(capsys):
    """Return what the last line of each bar says: numbers by their names."""
    lines = capsys.readouterr().err.splitlines()
    found = [LINE.match(line).groupdict() for line in lines if "%" in line]
    # Where numba has yet to compile, a bar takes longer than ten seconds, and has several lines
    last = {line["title"]: line for line in found}
    return [
        SimpleNamespace(**{name: _number(text) for name, text in line.items()})
        for line in last.values()
    ]


def _number(text):
    try:
        return float(text.replace(",", ""))
    except (AttributeError, ValueError):
        return text


@pytest.fixture
def trained(monkeypatch):
    """Return the epochs of each training that has begun, the refit's last."""
    epochs = []

    class Counted(fit_module.Fit):
        def run(self):
            before = self.progress.n_epochs
            try:
                super().run()
            finally:
                epochs.append(self.progress.n_epochs - before)

    monkeypatch.setattr(fit_module, "Fit", Counted)
    return epochs


# The figures


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_with_candidates_that_are_one_network(engine, n_jobs, capsys, trained):
    grid = {"max_iter": [2, 7, 4], "alpha": [0, 0.1]}
    search = watched(MLPGridSearchCV(network(engine=engine), grid, cv=3, n_jobs=n_jobs))
    with joblib.parallel_config(backend="threading"):
        search.fit(X, y)
    line, refit = figures(capsys)
    assert (line.title, line.share, line.left, line.networks) == ("Search", 100, 0, 2 * 3)
    assert line.epochs == line.planned == 7 * 2 * 3 == sum(trained[:-1])
    assert line.best == pytest.approx(search.best_score_, abs=1e-4)
    assert line.failed is None
    assert (refit.title, refit.networks) == ("Refit", None)
    assert refit.epochs == refit.planned == search.best_estimator_.n_iter_


def test_random_search_of_pipelines_that_end_early(capsys, trained):
    name = "mlpscratchclassifier__"
    pipeline = make_pipeline(StandardScaler(), network(max_iter=40, tol=1.0, n_iter_no_change=2))
    distributions = {f"{name}alpha": [0, 0.1, 1.0], f"{name}learning_rate_init": [0.01, 0.1]}
    search = MLPRandomizedSearchCV(pipeline, distributions, n_iter=4, cv=2, random_state=0)
    search.set_params(scoring="neg_log_loss", refit=False)
    watched(search).fit(X, y)
    (line,) = figures(capsys)
    assert line.epochs == line.planned == sum(trained) < 4 * 2 * 40
    assert line.best == pytest.approx(max(search.cv_results_["mean_test_score"]), abs=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_rounds_of_a_halving_search(engine, capsys, trained):
    """Each round has the networks that are left, and the epochs that these have not yet done."""
    search = watched(MLPHalvingGridSearchCV(network(engine=engine), GRID, cv=2, **EPOCHS)).fit(X, y)
    *rounds, refit = figures(capsys)
    assert [line.title for line in rounds] == [f"Round {k} of 3" for k in (1, 2, 3)]
    assert [line.epochs for line in rounds] == [9 * 2 * 1, 3 * 2 * 2, 1 * 2 * 6]
    assert [line.epochs for line in rounds] == [line.planned for line in rounds]
    assert [line.networks for line in rounds] == [9 * 2, 3 * 2, 1 * 2]
    assert sum(line.epochs for line in rounds) == sum(trained[:-1])
    results = search.cv_results_
    for number, line in enumerate(rounds):
        best = max(results["mean_test_score"][results["iter"] == number])
        assert line.best == pytest.approx(best, abs=1e-4)
    assert refit.epochs == 9


def test_rounds_whose_networks_start_anew(capsys, trained):
    search = MLPHalvingGridSearchCV(network(solver="lbfgs"), {"alpha": [0, 0.1, 1.0]}, cv=2)
    watched(search.set_params(refit=False, random_state=0)).fit(X, y)
    lines = figures(capsys)
    assert sum(line.epochs for line in lines) == sum(line.planned for line in lines)
    assert sum(line.epochs for line in lines) == sum(trained)


def test_rounds_that_repeat_the_first_have_no_epochs(capsys):
    options = EPOCHS | {"max_resources": 3, "min_resources": 1, "aggressive_elimination": True}
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **options)
    watched(search).fit(X, y)
    lines = figures(capsys)
    assert [line.epochs for line in lines] == [18, None, 4]
    assert [line.share for line in lines] == [100] * 3


@pytest.mark.parametrize("error_score", [np.nan, -1.0])
def test_candidates_that_fail_or_diverge(error_score, capsys, trained):
    grid = {"learning_rate_init": [0.1, 1e200], "alpha": [0, -1], "max_iter": [3, 6]}
    search = MLPGridSearchCV(network(solver="sgd"), grid, cv=2, error_score=error_score)
    with pytest.warns(FitFailedWarning):
        watched(search.set_params(refit=False)).fit(X, y)
    (line,) = figures(capsys)
    scores = search.cv_results_["mean_test_score"]
    n_failed = np.sum(np.isnan(scores) | (scores == -1)) * 2
    assert line.failed == n_failed == 6 * 2
    assert line.epochs == line.planned == sum(trained)
    assert line.best == pytest.approx(np.nanmax(scores), abs=1e-4)


@pytest.mark.parametrize("max_iter", ["many", None, 2.5, -3])
def test_numbers_of_epochs_that_are_none(max_iter, capsys):
    search = MLPGridSearchCV(network(), {"max_iter": [3, max_iter]}, cv=2, refit=False)
    with pytest.warns(FitFailedWarning):
        watched(search).fit(X, y)
    (line,) = figures(capsys)
    assert (line.epochs, line.planned, line.failed) == (6, 6, 2)


@pytest.mark.parametrize("refit", ["f1_macro", "accuracy", False])
def test_several_metrics_show_that_of_refit(refit, capsys):
    search = MLPGridSearchCV(network(), GRID, cv=2, scoring=["accuracy", "f1_macro"], refit=refit)
    watched(search).fit(X, y)
    best = figures(capsys)[0].best
    assert (best is None) if not refit else best == pytest.approx(search.best_score_, abs=1e-4)


def test_other_estimators_count_as_fits(capsys):
    search = MLPGridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
    watched(search).fit(X, y)
    (line,) = figures(capsys)
    assert (line.kind, line.left, line.networks, line.epochs) == ("fits", 0, 4, None)


def test_networks_in_a_scorer_are_not_counted(capsys):
    def of_another(estimator, X, y):
        return clone(estimator).set_params(max_iter=50).fit(X, y).score(X, y)

    search = MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2, scoring=of_another, refit=False)
    watched(search).fit(X, y)
    (line,) = figures(capsys)
    assert line.epochs == line.planned == 4 * 5


# It moves while networks train, and leaves the search as it is


class Silent(SearchProgress):
    """Draws nothing, and keeps the figures of the end, and the plan of each round."""

    planned: ClassVar = []
    ended: ClassVar = []

    class Kept(Display):
        def __init__(self):
            self.is_new = True

        def show(self, progress):
            if self.is_new:
                Silent.planned.append(progress.n_planned)
            self.is_new = False

        def end(self, progress):
            Silent.ended.append(progress)

    def display(self):
        return self.Kept()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_bar_moves_while_a_network_trains(engine, monkeypatch):
    monkeypatch.setattr(reporting, "_SECONDS", 0)
    take, reported = RoundProgress.take, []

    def taken(self, report):
        take(self, report)
        reported.append((self.n_epochs, self.n_left, self.share))

    monkeypatch.setattr(RoundProgress, "take", taken)
    search = MLPGridSearchCV(network(engine=engine), {"alpha": [0, 1.0]}, cv=2, refit=False)
    search.set_callbacks(Silent()).fit(X, y)
    assert [n_epochs for n_epochs, n_left, _ in reported if n_left == 4] == [1, 2, 3, 4, 5]
    assert [share for *_, share in reported] == sorted(share for *_, share in reported)
    assert reported[-1] == (20, 0, 1)


def test_a_round_plans_only_the_epochs_that_are_left():
    Silent.planned.clear()
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, **EPOCHS)
    search.set_callbacks(Silent()).fit(X, y)
    assert Silent.planned == [9 * 2 * 1, 3 * 2 * 2, 1 * 2 * 6, 9]


@pytest.mark.parametrize("cls", [MLPGridSearchCV, MLPHalvingGridSearchCV])
def test_results_and_sharing_are_those_without_a_bar(cls, trained):
    options = EPOCHS if cls is MLPHalvingGridSearchCV else {}
    grid = GRID if options else GRID | {"max_iter": [2, 4]}
    search = cls(network(), grid, cv=2, **options)
    expected, alone = search.fit(X, y).cv_results_, list(trained)
    trained.clear()
    other, told = RecordingCallback(), RecordingCallback()
    clone(search).set_callbacks(told).fit(X, y)
    trained.clear()
    found = search.set_callbacks(SearchProgress("text"), other).fit(X, y).cv_results_
    assert trained == alone
    for name in expected:
        if not name.endswith("_time"):
            assert repr(found[name]) == repr(expected[name])
    assert [entry["name"] for entry in other.record] == [entry["name"] for entry in told.record]


def test_a_search_with_a_bar_can_be_copied_and_pickled(capsys):
    search = watched(MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2)).fit(X, y)
    for copy in (clone(search), pickle.loads(pickle.dumps(search))):
        capsys.readouterr()
        copy.fit(X, y)
        assert [line.title for line in figures(capsys)] == ["Search", "Refit"]
    assert SearchProgress.__module__ == "sknn_scratch.callbacks"
    assert repr(SearchProgress("text")) == "SearchProgress(style='text')"


# Interruption


@pytest.mark.parametrize("cls", [MLPGridSearchCV, MLPHalvingGridSearchCV])
def test_ctrl_c_closes_the_bar(cls, capsys):
    scorer, calls = get_scorer("accuracy"), []

    def interrupted(estimator, X, y):
        calls.append(estimator)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return scorer(estimator, X, y)

    options = EPOCHS | {"return_train_score": False} if cls is MLPHalvingGridSearchCV else {}
    search = watched(cls(network(), GRID, cv=2, scoring=interrupted, **options))
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    errors = capsys.readouterr().err
    assert errors.endswith("\n")
    line = LINE.match(errors.splitlines()[-1])
    assert line["title"] == ("Search" if not options else "Round 1 of 3")
    assert "stopped" in errors
    assert (line["left"], line["networks"]) == ("15", "18")
    n_each = 5 if cls is MLPGridSearchCV else 1
    assert line["epochs"] == str(4 * n_each)
    search.set_params(scoring="accuracy").fit(X, y)
    assert figures(capsys)[0].left == 0


def test_an_error_closes_the_bar(capsys):
    search = MLPGridSearchCV(network(), {"alpha": [0, -1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="alpha"):
        watched(search).fit(X, y)
    assert re.search(r"left 2/4 .*stopped\n$", capsys.readouterr().err)


# Workers that are elsewhere


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_processes(backend, monkeypatch):
    taken, reports = RoundProgress.take, []

    def take(self, report):
        reports.append(report.outcomes is None)
        taken(self, report)

    monkeypatch.setattr(RoundProgress, "take", take)
    estimator = network(max_iter=2000, n_iter_no_change=2000)
    search = MLPGridSearchCV(estimator, {"alpha": [0]}, cv=2, n_jobs=2, refit=False)
    with joblib.parallel_config(backend=backend):
        search.set_callbacks(Silent()).fit(X, y)
    assert Silent.ended[-1].n_epochs == 2 * 2000
    # Those that fork think that they are the process of the search, and talk to themselves
    assert any(reports) == (backend == "loky")


def test_networks_that_come_back_without_a_report_are_counted():
    progress = RoundProgress("Search", {0: 50, 1: 50})
    progress.take(Report(0, 10))
    assert (progress.share, progress.n_left) == (0.1, 2)
    progress.n_returned = 1
    assert (progress.share, progress.n_left) == (0.5, 1)
    assert "epochs not reported by the workers" in bars.figures(progress, 0)
    for job in (0, 1, 1):
        progress.take(Report(job, 40, []))
    assert (progress.n_epochs, progress.n_planned, progress.n_left) == (80, 80, 0)
    assert "epochs 80/80" in bars.figures(progress, 0)


def test_a_search_that_cannot_be_reached_is_no_error():
    heard = []
    with reporting.heard(heard.append) as tell:
        other = pickle.loads(pickle.dumps(tell))
    (handle,) = other.args
    partial(other.func, handle._replace(address=f"{handle.address} gone"))(Report(0, 1))
    assert heard == []


def test_where_there_are_no_sockets_nobody_is_told(monkeypatch):
    def no_sockets(take):
        raise OSError

    monkeypatch.setattr(reporting, "open_listener", no_sockets)
    heard = []
    with reporting.heard(heard.append) as tell:
        pickle.loads(pickle.dumps(tell))(Report(0, 1))
    assert heard == []


# How it is drawn


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("n_columns", [40, 80, 200])
def test_lines_of_a_terminal_are_written_over(n_columns, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", str(n_columns))
    progress = RoundProgress("Round 10 of 12", dict.fromkeys(range(1000), 10))
    bar = bars.TextBar()
    bar.show(progress)
    for job in range(999):
        progress.take(Report(job, 10, []))
    bar.show(progress)
    bar.end(progress)
    text = sys.stderr.getvalue()
    first, *others = filter(None, text.split("\r"))
    assert len(others) == 2
    assert text.count("\n") == 1
    assert others[-1].endswith("\n")
    assert max(map(len, [first, *others])) <= n_columns
    assert len(others[0]) >= len(first.rstrip())
    assert ("[###################-]".replace("-", " ") in others[-1]) == (n_columns == 200)


def seen_in_a_terminal(text):
    """Return what the lines of a terminal show of a text."""
    lines = []
    for written in text.split("\n"):
        seen = ""
        for part in written.split("\r"):
            seen = part + seen[len(part) :]
        lines.append(seen)
    return lines


def test_a_warning_stands_on_a_line_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress, bar = RoundProgress("Search", {0: 10}), bars.TextBar()
    warning = "fit.py:1: ConvergenceWarning: " + 20 * "something is wrong "
    bar.show(progress)
    print(warning, file=sys.stderr)
    bar.show(progress)
    bar.end(progress)
    shown, last, after = seen_in_a_terminal(sys.stderr.getvalue())
    assert shown == warning
    assert last.startswith("Search [")
    assert after == ""


@pytest.mark.parametrize(("n_columns", "expected"), [(50, 49), (0, 79)])
def test_lines_are_as_long_as_the_terminal_of_stderr_is_wide(n_columns, expected, monkeypatch):
    """Whatever stdout is; some terminals do not know, and say zero."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(bars, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, n_columns))
    with open(leader), open(follower, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert bars.TextBar().n_columns == expected


def test_lines_of_a_log_come_now_and_then(capsys, monkeypatch):
    progress = RoundProgress("Search", {0: 10})
    bar = bars.TextBar()
    bar.show(progress)
    bar.show(progress)
    assert capsys.readouterr().err == ""
    bar.written -= bars._SECONDS_BETWEEN_LINES
    bar.show(progress)
    bar.show(progress)
    bar.end(progress)
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 3
    assert "\r" not in "".join(lines)


def test_a_stream_that_is_closed_ends_no_search(monkeypatch):
    search = watched(MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2))
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    stream.close()
    search.fit(X, y)
    assert len(search.cv_results_["params"]) == 2


def test_a_stream_that_can_only_be_written_to(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(write=text.write, flush=text.flush))
    search = MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2)
    search.set_callbacks(SearchProgress()).fit(X, y)
    assert "Search" in text.getvalue()


class DyingTerminal(Terminal):
    def __init__(self, error, n_writes):
        super().__init__()
        self.error, self.n_writes = error, n_writes

    def write(self, text):
        self.n_writes -= 1
        if self.n_writes < 0:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("error", [OSError, BrokenPipeError, ValueError])
@pytest.mark.parametrize("n_writes", [0, 1, 2, 3])
def test_a_terminal_that_dies_ends_no_search(error, n_writes, monkeypatch, capsys):
    """Afterwards rich has given back stdout, so that what is printed is still seen."""
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", DyingTerminal(error, n_writes))
    monkeypatch.setenv("TERM", "xterm")
    stdout = sys.stdout
    bar, progress = bars.RichBar(), RoundProgress("Search", {0: 10})
    for _ in range(4):
        bar.show(progress)
    assert sys.stdout is stdout
    bar.end(progress)
    search = MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2)
    search.set_callbacks(SearchProgress("rich")).fit(X, y)
    assert len(search.cv_results_["params"]) == 2


def test_times_are_clocks():
    assert [bars._clock(seconds) for seconds in (0.4, 59.6, 61, 3600 * 25 + 5)] == [
        *("0:00", "1:00", "1:01", "25:00:05")
    ]


def test_rich_draws_in_a_terminal(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **EPOCHS)
    search.set_callbacks(SearchProgress()).fit(X, y)
    text = sys.stderr.getvalue()
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in text
    for line in ("Round 1 of 3", "Round 3 of 3", "epochs 12/12", "networks left 0/2"):
        assert line in text


def test_without_rich_there_is_text(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    watched(MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2)).fit(X, y)
    assert isinstance(bars.new_bar("auto"), bars.TextBar)
    with pytest.raises(ImportError, match=r'rich is needed .*"sknn-scratch\[progress\]"'):
        SearchProgress("rich")


@pytest.mark.parametrize("style", ["bar", None, 3, ["text"]])
def test_a_style_that_is_none_is_refused(style):
    with pytest.raises(ValueError, match=r"style must be one of \['auto', 'rich', 'text'\], got"):
        SearchProgress(style)


@pytest.mark.parametrize(
    "estimator", [GridSearchCV(network(), {"alpha": [0, 1]}), network()], ids=["search", "network"]
)
def test_where_it_does_not_belong_it_is_refused(estimator):
    message = f"SearchProgress must be set on a search of .*not on a {type(estimator).__name__}"
    with pytest.raises(ValueError, match=message):
        estimator.set_callbacks(SearchProgress()).fit(X, y)
