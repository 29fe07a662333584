"""What the docs say is what is there."""

import ast
import re
import tomllib
from contextlib import ExitStack
from doctest import DocTestParser
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate
from sklearn.datasets import load_iris
from sklearn.feature_selection import SelectFromModel

import sknn_scratch
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.losses import REGRESSION_LOSSES
from sknn_scratch.engine.penalties import PENALTIES
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.tabular import PiecewiseLinearEncoder, SmoothClip

from ..public_names import public_modules

ROOT = Path(__file__).parents[2]
PAGES = {
    path.stem: path for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
}
REFERENCE = "\n".join(path.read_text("utf-8") for path in (ROOT / "docs/reference").glob("*.rst"))
REGISTRIES = {
    "activation": ACTIVATIONS,
    "loss": REGRESSION_LOSSES,
    "learning_rate": SCHEDULES,
    "init": INITIALIZERS,
    "solver": SOLVERS,
}
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
    methods = ["fit", "partial_fit", "predict", "hidden_outputs", "summary"]
    methods += ["to_sklearn", "from_sklearn", "to_torch", "from_torch"]
    if cls is MLPScratchClassifier:
        methods += ["predict_proba", "predict_log_proba"]
    for name in ["", *(f".{method}" for method in methods)]:
        report = validate(f"{cls.__module__}.{cls.__name__}{name}")
        errors = [error for error in report["errors"] if error[0] not in CHECKS_LEFT_OUT]
        assert not errors, f"{cls.__name__}{name}: {errors}"


@pytest.mark.parametrize("cls", [PiecewiseLinearEncoder, SmoothClip])
def test_docstrings_of_transformers(cls):
    doc = ClassDoc(cls)
    assert documented(p.name for p in doc["Parameters"]) == set(cls().get_params())
    attributes = documented(p.name for p in doc["Attributes"]) - {"feature_names_in_"}
    fitted = vars(cls().fit(load_iris().data))
    assert attributes == {name for name in fitted if name.endswith("_")}
    own = [name for name in vars(cls) if not name.startswith(("_", "set_"))]
    assert {"fit", "transform", "inverse_transform"} <= set(own)
    for name in ["", *(f".{method}" for method in own)]:
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


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page].read_text("utf-8"), re.S | re.M)


def programs():
    """Yield what readers may run, with its name: pages, examples, and those in docstrings."""
    for page in PAGES:
        yield page, "".join(blocks(page, "python"))
    for path in sorted((ROOT / "examples").rglob("*.py")):
        yield path.name, path.read_text("utf-8")
    for path in sorted(Path(sknn_scratch.__file__).parent.rglob("*.py")):
        text = path.read_text("utf-8")
        yield path.name, "".join(e.source for e in DocTestParser().get_examples(text))


ENSEMBLES = ("MLPBaggingClassifier", "MLPBaggingRegressor")


def calls(program):
    """Yield the calls of a program, without those of networks that a seeded ensemble is made of."""
    nodes = [ast.parse(program)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Call):
            yield node
            is_ensemble = ast.unparse(node.func) in ENSEMBLES
            if is_ensemble and "random_state" in {keyword.arg for keyword in node.keywords}:
                continue
        nodes += ast.iter_child_nodes(node)


def is_unseeded_network(node):
    """Return whether a call makes a network whose numbers differ from run to run."""
    names = {*(cls.__name__ for cls in ESTIMATORS), *ENSEMBLES}
    if ast.unparse(node.func) not in names:
        return False
    given = {keyword.arg for keyword in node.keywords}
    return not given & {"random_state", None}  # None is **settings


def test_networks_in_docs_and_examples_are_seeded():
    """Otherwise one run in a hundred shows what the text does not say, or fails."""
    unseeded = [
        (name, ast.unparse(node))
        for name, program in programs()
        if name != "plot_many_networks.py"  # its grid has the seeds
        for node in calls(program)
        if is_unseeded_network(node)
    ]
    assert unseeded == []


TESTED_ALONE = {"README", "user_guide", "quick_start", "extending", "sweeps", "model_files"}
TESTED_ALONE |= {"ensembles"}
TESTED_ALONE |= {"scaling_out"}  # by tests/scaling/test_searches.py, on a cluster
OTHERS = [page for page in PAGES if page not in TESTED_ALONE and blocks(page, "python")]


# By what a block is told to need a package without which the rest of its page runs
SIGNS = {"numba": 'engine="numba"', "torch": "torch"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the blocks of a page as one program and returns its variables.

    It runs in an empty folder; what it adds to the registries is gone afterwards.
    """
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)

    def run_page(page):
        namespace = {"__name__": page}
        for block in blocks(page, "python"):
            if any(sign in block and find_spec(name) is None for name, sign in SIGNS.items()):
                continue
            exec(compile(block, PAGES[page].name, "exec"), namespace)
        return namespace

    with ExitStack() as stack:
        stack.enter_context(sklearn.config_context())  # a block sets it
        for registry in (*REGISTRIES.values(), PENALTIES):
            stack.enter_context(patch.dict(registry))
        yield run_page
    plt.close("all")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestPython:
    """Every block of README and docs runs, and does what the text says of it."""

    def test_in_readme(self, run, capsys):
        """The table below the block says what it prints, and after how many epochs."""
        found = run("README")
        said, n_epochs = re.search(
            r"differ by (\S+) after (\d+)", PAGES["README"].read_text()
        ).groups()
        assert found["ours"].n_iter_ == found["theirs"].n_iter_ == int(n_epochs)
        assert float(capsys.readouterr().out) < 10 * float(said)  # rounding of another processor

    @pytest.mark.slow
    def test_in_the_user_guide(self, run, capsys, tmp_path):
        found = run("user_guide")
        printed = capsys.readouterr().out
        assert "passed: tolerance" in printed
        assert printed.endswith("True\n")
        assert 0 < len(found["selective"].selected_features_) < 64
        self._check_which_features_matter(found)
        assert (found["sparse"].coefs_[0] == 0).any()
        assert (tmp_path / "curves.png").stat().st_size > 0

    def _check_which_features_matter(self, found):
        """The first 13 columns tell the cultivars of wine apart, the last 7 are noise."""
        lost = found["lost"].importances_mean
        assert lost[:13].max() > 0.05 > 0.03 > lost[13:].max()
        chosen, first_layer = found["chosen"], found["first_layer"]
        by_weights = [found[name].get_support(indices=True) for name in ("selector", "ranking")]
        for features in (*by_weights, chosen.selected_features_):
            assert set(features) <= set(range(13))
        assert [len(features) for features in by_weights] == [8, 8]
        assert 3 <= len(chosen.selected_features_) < 13
        step = SelectFromModel(chosen, importance_getter=first_layer, threshold=1e-12, prefit=True)
        kept = step.fit(found["seen"]).get_support(indices=True)
        assert list(kept) == list(chosen.selected_features_)

    @pytest.mark.slow
    def test_in_the_quick_start(self, run, capsys, tmp_path):
        found = run("quick_start")
        assert found["model"].score(found["X_test"], found["y_test"]) > 0.95
        assert capsys.readouterr().out.endswith("True\n")
        assert (tmp_path / "training.png").stat().st_size > 0

    def test_in_how_to_extend(self, run):
        """The blocks hold their own assertions; what they add is what the text promises."""
        registries = REGISTRIES | {"penalty": PENALTIES}
        before = {name: set(registry) for name, registry in registries.items()}
        run("extending")
        added = {name: set(registry) - before[name] for name, registry in registries.items()}
        assert added == {
            "activation": {"snake"},
            "loss": {"pseudo_huber"},
            "learning_rate": {"linear"},
            "init": {"orthogonal"},
            "solver": {"adagrad"},
            "penalty": {"smooth_l1", "non_negative"},
        }

    @pytest.mark.slow
    def test_in_sweeps(self, run):
        variables = run("sweeps")
        search, halving = variables["search"], variables["halving"]
        assert (halving.n_candidates_, halving.n_resources_) == ([9, 3, 1], [10, 30, 90])
        assert search.best_score_ > 0.9
        assert (len(search.cv_results_["params"]), search.n_splits_) == (24, 5)

    @pytest.mark.slow
    def test_in_ensembles(self, run, capsys):
        """The ensemble is better than its members, and its spread larger where it is wrong."""
        result = run("ensembles")
        score, members = capsys.readouterr().out.splitlines()[0].split(maxsplit=1)
        assert float(score) > max(map(float, members.strip("[]").split(",")))
        spread, wrong = result["spread"], result["wrong"]
        assert spread[wrong].mean() > 3 * spread[~wrong].mean()
        middle = np.median(spread[wrong])
        assert (spread[~wrong] > middle).mean() < 0.1

    @pytest.mark.slow
    def test_in_model_files(self, run, capsys):
        for package in ("skops", "skl2onnx", "onnxruntime"):
            pytest.importorskip(package)
        run("model_files")
        printed = capsys.readouterr().out.splitlines()
        same, truncated, untrusted, same_score, close, shape, outputs, activation, plain = printed
        assert same == same_score == close == plain == "True"
        assert truncated.startswith("'half.joblib' is truncated or damaged")
        assert untrusted == "['sknn_scratch.MLPScratchClassifier']"
        assert shape == "(2,)"
        assert outputs == "['label', 'probabilities']"
        assert "no converter is known for the activation TanhShrink" in activation

    @pytest.mark.slow
    @pytest.mark.parametrize("page", OTHERS)
    def test_on_every_other_page(self, run, page):
        """The mathematics and others hold their own assertions."""
        run(page)


@pytest.mark.parametrize("parameter", REGISTRIES)
def test_the_estimators_see_what_is_added_to_a_registry(parameter):
    estimator = MLPScratchRegressor(**{parameter: "added"})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        estimator._validate_params()
    with patch.dict(REGISTRIES[parameter], added=None):
        estimator._validate_params()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "sh")])
def test_shell_commands_are_of_what_is_there(page):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for command in re.split(r"\n| && ", "".join(blocks(page, "sh")).strip()):
        for extras in re.findall(r'pip install "[\w.-]+\[(.*)\]"', command):
            assert set(extras.split(",")) <= set(project["optional-dependencies"]), command
        for script, options in re.findall(r"^python (\S+\.py)(.*)", command):
            text = (ROOT / script).read_text("utf-8")
            text += (ROOT / "examples/studies/_study.py").read_text("utf-8")
            assert set(re.findall(r"--[\w-]+", options)) <= set(re.findall(r"--[\w-]+", text))


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page):
    """As they are followed on the pages themselves; Sphinx checks those of the site."""
    prose = re.sub(r"^```.*?^```", "", PAGES[page].read_text("utf-8"), flags=re.S | re.M)
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
        assert (PAGES[page].parent / link).exists(), link


def public_names():
    """Yield the paths of what the public modules say that they hold."""
    for module in public_modules():
        for name in module.__all__:
            if name != "__version__":
                yield f"{module.__name__}.{name}"


@pytest.mark.parametrize("path", [*public_names()])
def test_every_public_name_is_in_the_reference(path):
    name = path.rpartition(".")[2]
    entry = rf"^   {name}$|^\.\. (auto\w+|registry):: (\w+\.)*{name}$|``{name}``"
    assert re.search(entry, REFERENCE, re.M), f"{path} is not in docs/reference/*.rst"


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.stem)
def test_every_example_is_on_the_page_of_examples(script):
    assert f"`{script.name}`" in (ROOT / "examples" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("script", sorted((ROOT / "examples/studies").glob("[!_]*.py")))
def test_every_study_is_on_the_page_of_studies(script):
    assert f"(../examples/studies/{script.name})" in PAGES["studies"].read_text("utf-8")


def test_first_shell_block_of_readme_holds_the_two_commands():
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S).group(1)
    main_job, tests = block.splitlines()
    assert main_job.startswith("pip install")
    assert main_job.endswith("python examples/quickstart.py")
    assert tests.startswith("pip install")
    assert " && python -m pytest" in tests


FILES_OF_A_FIT = re.findall(
    r"^\| \d+ \| `([\w/]+\.py)` \|", PAGES["contributing"].read_text("utf-8"), re.M
)


def test_what_is_to_be_read_to_understand_fit_is_there():
    assert 0 < len(FILES_OF_A_FIT) <= 12
    assert all((ROOT / "sknn_scratch" / file).is_file() for file in FILES_OF_A_FIT)


def test_the_figures_on_the_home_page_are_those_of_the_pages_that_have_them():
    home, readme = (PAGES[name].read_text("utf-8") for name in ("index", "README"))
    same, faster, files = re.findall(r'class="figure">(.*)</span>', home)
    assert f"differ by {same} after" in readme
    assert f"after the first one: {faster} as fast as scikit-learn's" in readme
    assert files == f"{len(FILES_OF_A_FIT)} files"


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (.*)$", citation, re.M).group(1) == sknn_scratch.__version__


def test_the_documentation_is_built_as_the_docs_say():
    commands = "".join(blocks("contributing", "sh")).splitlines()
    (build,) = (command for command in commands if "sphinx-build" in command)
    assert build.startswith('pip install ".[docs]" && sphinx-build -W ')
    (pages,) = (command for command in commands if command.endswith(" tests/site"))
    assert " -m pytest " in pages
    assert pages.startswith(f"SKNN_SCRATCH_SITE={build.split()[-1]} ")
    assert (ROOT / ".ci" / "run").read_text("utf-8").count("docs/contributing.md") == 3


def test_no_test_skips_in_ci_for_want_of_a_library():
    """README's command needs nothing large; what it then skips is there before it is run.

    Except torch: pip would get several GB of CUDA for it.
    """
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    assert ci.index('pip install --quiet --no-compile ".[lint,test-all,docs]"') > 0
    assert ci.index("test-all") < ci.index("README.md)")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    everything = "".join(extras["optional-dependencies"]["test-all"])
    for extra in ("test", "dask", "interop", "optuna", "ray", "polars"):
        assert re.search(rf"\b{extra}\b", everything)


LARGE = set(
    ["polars", "onnx", "onnxruntime", "skl2onnx", "optuna", "dask", "distributed", "ray", "torch"]
)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: path.stem)
def test_readmes_command_needs_nothing_large(path):
    """A test file that needs more than the extra `test` has skips, and is no error."""
    asked_for = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = {node.module.partition(".")[0]}
        else:
            asked_for |= set(re.findall(r"importorskip\('(\w+)", ast.unparse(node)))
            continue
        assert names & LARGE <= asked_for
