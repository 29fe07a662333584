"""What the docs say is what is there."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate
from sklearn.datasets import load_iris

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch._initializers import INITIALIZERS
from sknn_scratch._schedules import SCHEDULES
from sknn_scratch._stack import _PER_NETWORK
from sknn_scratch.activations import ACTIVATIONS
from sknn_scratch.solvers import SOLVERS

ROOT = Path(__file__).parents[2]
ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]
COMING_FROM = (ROOT / "docs" / "coming_from_mlpclassifier.md").read_text(encoding="utf-8")
SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
# numpydoc's checks that we take: sections, names, order, periods. Not: a See Also or an example
# for every method (EX01, SA01), extended summaries (ES01), or the form of types (PR06).
CHECKS_LEFT_OUT = {"EX01", "SA01", "ES01", "PR06", "GL08", "GL01", "SS05", "SS06", "RT02", "PR01"}


def fitted_attributes(estimator):
    X, y = load_iris(return_X_y=True)
    estimator.set_params(max_iter=20, solver="sgd", early_stopping=True, tol=9)
    return {name for name in vars(estimator.fit(X, y)) if re.fullmatch(r"[a-z]\w*_", name)}


def documented(names):
    """Return the single names of entries such as 'beta_1, beta_2'."""
    return {single for entry in names for single in entry.split(", ")}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_docstring_lists_every_parameter_and_attribute(cls):
    doc = ClassDoc(cls)
    assert documented(p.name for p in doc["Parameters"]) == set(cls().get_params())
    not_in_vars = {"feature_names_in_", "selected_features_"}
    attributes = documented(p.name for p in doc["Attributes"]) - not_in_vars
    assert attributes == fitted_attributes(cls())


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_docstrings_are_numpydoc(cls):
    methods = ["fit", "partial_fit", "predict", "summary", "to_sklearn", "from_sklearn"]
    if cls is MLPScratchClassifier:
        methods += ["predict_proba", "predict_log_proba"]
    for name in ["", *(f".{method}" for method in methods)]:
        report = validate(f"{cls.__module__}.{cls.__name__}{name}")
        errors = [error for error in report["errors"] if error[0] not in CHECKS_LEFT_OUT]
        assert not errors, f"{cls.__name__}{name}: {errors}"


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_table_for_newcomers_lists_every_parameter_and_attribute(cls):
    listed = set(re.findall(r"`(\w+)`", COMING_FROM))
    assert set(cls().get_params()) <= listed
    assert fitted_attributes(cls()) <= listed


@pytest.mark.parametrize("registry", [ACTIVATIONS, SOLVERS, SCHEDULES, INITIALIZERS])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_docs_list_every_entry_of_the_registries(cls, registry):
    in_docstring = set(re.findall(r"'(\w+)'", cls.__doc__))
    assert set(registry) <= in_docstring
    in_table = set(re.findall(r"`(\w+)`", COMING_FROM))
    assert set(registry) - set(SCHEDULES) <= in_table


def test_python_in_readme_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert blocks
    for block in blocks:
        namespace = {}
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["search"].best_score_ > 0.9
    assert np.isfinite(namespace["search"].cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_python_in_the_user_guide_runs(capsys, tmp_path, monkeypatch):
    """The blocks are one program, whose results are what the text says of them."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "user_guide.md").read_text("utf-8")
    namespace = {"__name__": "user_guide"}
    with sklearn.config_context():  # a block sets it
        for block in re.findall(r"```python\n(.*?)```", text, re.S):
            exec(compile(block, "user_guide.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert "passed: tolerance" in printed
    assert printed.endswith("True\n")
    assert 0 < len(namespace["selective"].selected_features_) < 64
    assert (namespace["sparse"].coefs_[0] == 0).any()
    assert (tmp_path / "curves.png").stat().st_size > 0
    plt.close("all")
    print(printed)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_python_in_the_page_on_model_files_runs(capsys, tmp_path, monkeypatch):
    for package in ("skops", "skl2onnx", "onnxruntime"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "model_files.md").read_text("utf-8")
    namespace = {"__name__": "model_files"}
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(compile(block, "model_files.md", "exec"), namespace)
    same, truncated, untrusted, same_score, close, activation = capsys.readouterr().out.splitlines()
    assert same == same_score == close == "True"
    assert truncated.startswith("'half.joblib' is truncated or damaged")
    assert untrusted == "['sknn_scratch.classifier.MLPScratchClassifier']"
    assert activation.startswith("activation='gelu' has no counterpart in scikit-learn")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_python_in_sweeps_runs(capsys):
    namespace = {}
    for block in re.findall(r"```python\n(.*?)```", SWEEPS, re.S):
        exec(compile(block, "sweeps.md", "exec"), namespace)
    search = namespace["search"]
    assert search.best_score_ > 0.9
    assert (len(search.cv_results_["params"]), search.n_splits_) == (24, 5)


def test_sweeps_lists_what_may_differ_within_a_stack():
    table = SWEEPS[SWEEPS.index("| candidates that") : SWEEPS.index("| any other")]
    listed = set(re.findall(r"`(\w+)`", table))
    assert listed == _PER_NETWORK - {"max_fun"}  # which is of lbfgs only


def test_first_shell_block_of_readme_holds_the_two_commands():
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S).group(1)
    main_job, tests = block.splitlines()
    assert main_job.startswith("pip install")
    assert main_job.endswith("python examples/quickstart.py")
    assert tests.startswith("pip install")
    assert tests.endswith("python -m pytest")
