"""The examples of the gallery run without a screen, and show what their text says."""

import ast
import contextlib
import functools
import io
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import joblib
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sknn_scratch import MLPScratchClassifier

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("plot_*.py"))
NEEDS = {"plot_optuna": "optuna_integration"}
# Many small networks: compiled, which gives the same numbers to rounding, they take 6 seconds and
# not 19. When the documentation is built they run as they stand.
COMPILED = {"plot_activations", "plot_circles", "plot_many_networks"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that runs a script, once, and returns its variables.

    Among them are `printed`, `figures` (a list) and `written`, the files in its current folder.
    """
    matplotlib.use("agg")

    @functools.cache
    def run_once(name, *arguments):
        if name in NEEDS:
            pytest.importorskip(NEEDS[name])
        path = FOLDER / f"{name}.py"
        folder = tmp_path_factory.mktemp(name)
        plt.close("all")
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(io.StringIO()) as out,
        ):
            patch.setattr(sys, "argv", [str(path), *arguments])
            patch.delenv("DISPLAY", raising=False)  # with one, plt.show() of agg warns
            patch.chdir(folder)
            if name in COMPILED and find_spec("numba"):
                patch.setitem(MLPScratchClassifier.__init__.__kwdefaults__, "engine", "numba")
            variables = runpy.run_path(str(path), run_name="__main__")
        variables["figures"] = [plt.figure(number) for number in plt.get_fignums()]
        variables["written"] = list(folder.iterdir())
        variables["printed"] = out.getvalue()
        return variables

    yield run_once
    plt.close("all")


def test_there_are_scripts():
    assert len(SCRIPTS) == 18


@pytest.mark.parametrize("name", SCRIPTS)
class TestEachScript:
    def test_runs_and_shows_figures_with_labelled_axes(self, name, run):
        result = run(name)
        assert result["figures"]
        assert result["written"] == []
        for figure in result["figures"]:
            assert figure.axes
            assert all(ax.has_data() for ax in figure.axes)
            texts = [figure.get_supxlabel(), figure.get_supylabel()]
            for ax in figure.axes:
                texts += [ax.get_xlabel(), ax.get_ylabel()]
            assert any(texts)

    def test_is_laid_out_as_a_page(self, name):
        text = (FOLDER / f"{name}.py").read_text("utf-8")
        title, underline, empty, *_ = ast.get_docstring(ast.parse(text)).splitlines()
        assert underline == "=" * len(title)
        assert empty == ""
        assert "\n# %%\n" in text
        assert text.endswith("\nplt.show()\n")


def test_runs_as_a_command_without_warnings():
    command = [sys.executable, "-W", "error", str(FOLDER / "plot_stopping_rule.py")]
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    environment["MPLBACKEND"] = "agg"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "stopped after" in done.stdout


class TestGdAndNag:
    def test_reaches_the_reported_accuracy(self, run):
        models, split = run("plot_gd_and_nag")["models"], run("plot_gd_and_nag")["split_iris"]
        X_train, X_test, y_train, y_test = split(0)
        assert len(X_test) == 40
        assert {model.n_iter_ for model in models.values()} == {350}
        assert models["nag"].score(X_train, y_train) >= 0.97
        assert models["nag"].score(X_test, y_test) > models["gd"].score(X_test, y_test)

    def test_every_run_of_nag_trains_better_than_any_of_gd(self, run):
        scores = run("plot_gd_and_nag")["scores"]
        assert len(scores["nag"]["train"]) == 10
        assert min(scores["nag"]["train"]) >= 0.97
        assert min(scores["nag"]["train"]) > max(scores["gd"]["train"])
        assert np.mean(scores["nag"]["test"]) > np.mean(scores["gd"]["test"])

    def test_both_start_from_the_same_weights(self, run):
        first = {model.history_["loss"][0] for model in run("plot_gd_and_nag")["models"].values()}
        assert len(first) == 1

    def test_models_are_kept_where_asked(self, run, tmp_path):
        result = run("plot_gd_and_nag", "--output", str(tmp_path / "kept"))
        assert result["printed"].count("predicts the same: True") == 2
        X = result["X_test"]
        for solver, model in result["models"].items():
            kept = joblib.load(tmp_path / "kept" / f"iris_{solver}.joblib")
            np.testing.assert_array_equal(kept.predict_proba(X), model.predict_proba(X))


class TestCircles:
    def test_draws_32_boundaries(self, run):
        result = run("plot_circles")
        panels = [ax for ax in result["figures"][1].axes if ax.get_title()]
        assert len(panels) == len(result["models"]) == 32

    def test_100_units_fit_the_training_set(self, run):
        find = run("plot_circles")["find"]
        best = {"hidden_layer_sizes": 100, "max_iter": 100, "l1": 0, "l2": 0}
        assert find("score", **best, learning_rate_init=0.05) == [1.0, 1.0]
        assert min(find("score", **best, learning_rate_init=0.005)) > 0.95

    def test_25_epochs_are_enough_for_the_large_learning_rate_only(self, run):
        find = run("plot_circles")["find"]
        assert max(find("score", max_iter=25, learning_rate_init=0.05)) == 1.0
        assert max(find("score", max_iter=25, learning_rate_init=0.005)) < 0.8

    def test_5_units_close_the_boundary_if_trained_for_long(self, run):
        result = run("plot_circles")
        assert result["find"]("boundary", hidden_layer_sizes=5).count("closed") <= 2
        longer = [result["boundary"](model) for model in result["longer"]]
        assert longer.count("closed") == 2

    def test_l1_leaves_no_boundary_and_l2_does(self, run):
        find = run("plot_circles")["find"]
        trained = {"hidden_layer_sizes": 100, "max_iter": 100, "learning_rate_init": 0.05}
        assert set(find("boundary", **trained, l1=0.01)) == {"none"}
        assert set(find("nonzero", **trained, l1=0.01)) == {0}
        units = {"hidden_layer_sizes": 100, "l1": 0}
        assert find("boundary", **units, l2=0.01) == find("boundary", **units, l2=0)

    @pytest.mark.parametrize(
        ("score", "shape"),
        [
            (lambda X: X[:, 0] * 0, "none"),
            (lambda X: X[:, 0] > 0.2, "open"),
            (lambda X: np.linalg.norm(X, axis=1) < 1, "closed"),
        ],
    )
    def test_shapes_of_known_boundaries(self, run, score, shape):
        class Known:
            def predict(self, X):
                return score(X).astype(int)

        assert run("plot_circles")["boundary"](Known()) == shape


class TestGradientCheck:
    def test_backpropagation_is_right(self, run):
        result = run("plot_gradient_check")
        assert set(result["checks"]) == {1, 10}
        for batch_size, check in result["checks"].items():
            assert check.passed
            assert len(check.backprop) == 1210
            np.testing.assert_allclose(
                result["loops"][batch_size], check.backprop, rtol=0, atol=1e-15
            )

    def test_the_mistake_shows_before_the_activation_only(self, run):
        mistaken = run("plot_gradient_check")["mistaken"]
        wrong = {name for name, error in mistaken.worst.items() if error > mistaken.tol}
        assert wrong == {"W1", "b1"}
        for name in wrong:
            here = mistaken.layer == name
            larger = np.abs(mistaken.backprop[here]) > np.abs(mistaken.numeric[here])
            assert larger.mean() > 0.7


class TestLoopAndMatrix:
    def test_both_end_in_the_same_weights(self, run):
        assert run("plot_loop_and_matrix")["apart"].max() < 1e-13

    def test_matrices_gain_by_larger_batches(self, run):
        result = run("plot_loop_and_matrix")
        ratio = result["loop_seconds"] / result["matrix_seconds"]
        assert ratio[-1] > 3  # 14 on a quiet machine
        assert ratio[-1] > 2 * ratio[0]


class TestActivations:
    def test_all_of_the_registry(self, run):
        result = run("plot_activations")
        assert set(result["models"]) == set(result["ACTIVATIONS"])

    def test_derivatives_are_those_of_the_functions(self, run):
        result = run("plot_activations")
        z = np.linspace(-3, 3, 600)  # even: without the corner at zero
        for activation in result["ACTIVATIONS"].values():
            value, derivative = result["value_and_derivative"](activation(), z)
            slope = np.diff(value) / np.diff(z)
            middle = (derivative[1:] + derivative[:-1]) / 2
            away = np.abs(z[1:] + z[:-1]) > 0.02
            np.testing.assert_allclose(middle[away], slope[away], atol=1e-4)

    def test_only_identity_stays_at_a_straight_line(self, run):
        models = dict(run("plot_activations")["models"])
        line = models.pop("identity").loss_
        assert line > 0.2
        assert max(model.loss_ for model in models.values()) < 0.05
        halfway = {name: model.loss_curve_[200] for name, model in models.items()}
        assert {name for name, loss in halfway.items() if loss > 0.9 * line} == {
            "logistic",
            "softplus",
        }


class TestQuantiles:
    def test_the_band_keeps_its_promise_along_the_curve(self, run):
        result = run("plot_quantiles")
        # 1,500 samples: their own shares deviate by a hundredth, those of a stretch by three
        assert result["coverage"] == pytest.approx(0.9, abs=0.02)
        np.testing.assert_allclose(result["shares"], 0.9, atol=0.06)
        low, median, high = result["curves"].values()
        assert (high - low)[-1] > 3 * (high - low)[0]
        assert (median - low < high - median).mean() > 0.95


class TestElasticNet:
    def test_the_path(self, run):
        result = run("plot_elastic_net")
        nonzero = result["nonzero"]
        assert (np.diff(nonzero) <= 0).all()
        assert (nonzero[0], nonzero[-1]) == (310, 0)
        test = np.array(result["scores"]["test"])
        few = (nonzero > 0) & (nonzero < 50)
        assert few.sum() >= 4
        assert test[few].min() > test[0] - 0.03
        assert test[-1] == result["benign"]

    def test_whole_pixels_drop_out(self, run):
        result = run("plot_elastic_net")
        counts = [len(network.selected_features_) for network in result["networks"].values()]
        assert counts[0] == 64
        assert (np.diff(counts) < 0).all()
        for network in result["networks"].values():
            dropped = np.setdiff1d(np.arange(64), network.selected_features_)
            assert not network.coefs_[0][dropped].any()


class TestAutoencoder:
    def test_two_units_tell_digits_apart_better_than_two_components(self, run):
        accuracy = run("plot_autoencoder")["accuracy"]
        assert accuracy["two units"] > accuracy["two principal components"] + 0.05

    def test_it_decodes_better_than_components(self, run):
        result = run("plot_autoencoder")
        assert result["error"]["two units"] < 0.9 * result["error"]["two principal components"]
        network, X_test = result["autoencoder"], result["X_test"]
        assert network.hidden_outputs(X_test, layer=1).shape == (len(X_test), 2)


def test_stopping_rule_holds_at_the_last_epoch_and_at_none_before(run):
    result = run("plot_stopping_rule")
    scores = result["network"].validation_scores_
    holds = [b > 0.975 and abs(b - a) < 0.005 for a, b in pairwise(scores)]
    assert holds.index(True) == len(holds) - 1
    assert len(scores) < result["network"].max_iter
    assert 0.97 < min(scores[-4:-1]) <= max(scores[-4:-1]) < 0.975


def test_grid_search(run):
    result = run("plot_grid_search")
    heat_map, search = result["heat_map"], result["search"]
    scores = np.array(heat_map.im_.get_array())  # a row for each number of units
    assert search.best_score_ == scores.max() > 0.97
    for (row, column), score in np.ndenumerate(scores):
        candidate = {
            "mlpscratchclassifier__hidden_layer_sizes": result["UNITS"][row],
            "mlpscratchclassifier__l2": result["L2"][column],
        }
        place = search.cv_results_["params"].index(candidate)
        assert score == search.cv_results_["mean_test_score"][place]
    assert scores[:, -1].max() < 0.5
    assert scores[0].max() < 0.8
    assert np.ptp(scores[1:, :-1]) < 0.03


def test_pictures_of_a_search(run):
    result = run("plot_search_pictures")
    scores = np.array(result["heat_map"].im_.get_array())  # a row for each penalty
    assert np.ptp(scores[:3, :5], axis=0).max() < 0.03  # weak penalties agree
    assert scores[3:].max() < 0.5
    rounds = sorted(result["rounds"].lines_, key=lambda line: line.get_linewidth())
    *others, winner = (line.get_ydata() for line in rounds)
    assert len(winner) == 3
    assert winner[0] < max(curve[0] for curve in others)


def test_halving(run):
    result = run("plot_halving")
    assert list(result["epochs"].values()) == [27 * 54, 486, 378]
    assert result["halving"].best_score_ > result["grid"].best_score_ - 0.005
    assert result["halving"].n_candidates_ == [27, 9, 3]
    lengths = sorted(len(line.get_xdata()) for line in result["display"].lines_)
    assert lengths == [1] * 18 + [2] * 6 + [3] * 3


class TestManyNetworks:
    def test_networks_score_as_in_scikit_learns_search(self, run):
        result = run("plot_many_networks")
        assert result["n_networks"] == [300, 60]
        assert "the same scores: True" in result["printed"]
        assert np.isfinite(result["scores"]).all()

    def test_scores_stand_where_the_grid_says(self, run):
        result = run("plot_many_networks")
        results = result["search"].cv_results_
        for (l2, step, seed), score in np.ndenumerate(result["scores"]):
            candidate = {
                "learning_rate_init": result["RATES"][step],
                "l2": result["L2"][l2],
                "random_state": result["SEEDS"][seed],
            }
            assert score == results["mean_test_score"][results["params"].index(candidate)]

    def test_the_search_cannot_tell_the_weak_penalties_apart(self, run):
        mean, spread = (run("plot_many_networks")[name] for name in ("mean", "spread"))
        best = mean.max(axis=0).argmax()
        assert run("plot_many_networks")["RATES"][best] == 0.1
        assert np.ptp(mean[:3, best]) < spread[:3, best].min()
        assert mean[:3, best].min() > mean[:3, 0].max() + 0.05
        assert mean[3:].max() < 0.9


class TestEnsembleSpread:
    def test_networks_part_where_there_are_no_samples(self, run):
        result = run("plot_ensemble_spread")
        spread, grid = result["spread"], result["grid"]
        among, gap = (spread[result[name]].mean() for name in ("has_samples", "in_gap"))
        assert among < 0.03
        assert min(gap, spread[abs(grid) > 4].mean()) > 5 * among
        lines = result["printed"].splitlines()
        assert lines[0] == f"spread where there are samples: {among:.2f}"

    def test_the_spread_grows_with_the_distance_from_the_samples(self, run):
        result = run("plot_ensemble_spread")
        spread, distance = result["second"].std(axis=0), result["distance"]
        rings = [spread[(distance >= a) & (distance < b)].mean() for a, b in [(0, 0.3), (2, 5)]]
        assert rings[1] > 2 * rings[0]
        one = result["second"][0]
        assert ((one < 0.01) | (one > 0.99)).mean() > 0.9  # certain almost everywhere
        assert spread.max() > 0.4


def test_save_and_resume(run):
    *printed, converted = run("plot_save_and_resume")["printed"].splitlines()
    assert printed == [
        "the loaded model predicts the same: True",
        "warm_start='resume': the same weights as without a break: True",
        "warm_start=True: the same weights as without a break: False",
    ]
    assert converted.startswith("MLPClassifier: probabilities differ by at most ")
    assert float(converted.split()[-1]) < 1e-14  # rounding: sums in another order
    result = run("plot_save_and_resume")
    assert result["restarted"].loss_ > 1.5 * result["whole"].loss_


def test_callbacks(run):
    result = run("plot_callbacks")
    after, over_batches = result["epochs"]["accuracy"], result["watched"].history_["accuracy"]
    assert len(after) == len(over_batches) == 15
    assert after.iloc[-1] == result["watched"].score(result["X_train"], result["y_train"])
    lag = after.to_numpy() - over_batches
    assert (lag[:5] > 0.01).all()
    assert np.abs(lag[-5:]).max() < 0.01
    recalls = result["recalls"]
    worst, mean = recalls.min(axis=1), recalls.mean(axis=1)
    assert worst[-1] >= 0.95 > worst[:-1].max()
    assert len(worst) == result["stopped"].n_iter_ < 200
    assert (mean > 0.95).argmax() < len(worst) - 24  # dozens of epochs before


def test_optuna_prunes_what_falls_behind(run):
    result = run("plot_optuna")
    lengths = {label: [] for label in ("COMPLETE", "PRUNED")}
    for trial in result["study"].trials:
        lengths[trial.state.name].append(len(trial.intermediate_values))
    assert set(lengths["COMPLETE"]) == {30}
    assert lengths["PRUNED"]
    assert 4 <= min(lengths["PRUNED"]) <= max(lengths["PRUNED"]) < 30
    assert result["best"].score(result["X_test"], result["y_test"]) > 0.95
    search = result["search"]
    assert len(search.trials_) == 10
    assert search.score(result["X_test"], result["y_test"]) > 0.95
