"""The wheel and the source distribution: what is in them, and that the wheel works by itself."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import Distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
USE = """
import sknn_scratch
from pathlib import Path
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)
network = sknn_scratch.MLPScratchClassifier(10, solver="lbfgs", random_state=0).fit(X, y)
print(Path(sknn_scratch.__file__).parent.parent)
print(network.score(X, y) > 0.95)
"""


def run(*command, cwd):
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """Build both, the wheel from the source distribution; return their paths."""
    for tool in ("build", "hatchling", "pip"):
        if find_spec(tool) is None:
            pytest.skip(f"needs {tool}")
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def test_the_wheel_holds_the_package_and_nothing_else(distributions):
    with zipfile.ZipFile(distributions[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = (ROOT / "sknn_scratch").rglob("*")
    expected = {str(p.relative_to(ROOT)) for p in sources if p.suffix in {".py", ".typed"}}
    assert names == expected
    assert "sknn_scratch/py.typed" in names


def test_the_source_distribution_holds_what_the_tests_need(distributions):
    with tarfile.open(distributions[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    patterns = ["benchmarks/**/*", "docs/*", "examples/**/*", "sknn_scratch/**/*", "tests/**/*"]
    sources = [p for pattern in patterns for p in ROOT.glob(pattern)]
    needed = {str(p.relative_to(ROOT)) for p in sources if p.suffix in {".py", ".md"}}
    assert needed | {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"} <= names


def test_the_description_renders(distributions):
    pytest.importorskip("twine")
    printed = run("-m", "twine", "check", "--strict", *distributions, cwd=distributions[0].parent)
    assert printed.count("PASSED") == 2


def test_the_wheel_works_by_itself(distributions, tmp_path):
    venv.create(tmp_path, with_pip=False)
    python = tmp_path / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    options = ["--quiet", "--no-deps", "--disable-pip-version-check"]
    run("-m", "pip", "--python", python, "install", *options, distributions[1], cwd=tmp_path)
    (site_packages,) = tmp_path.rglob("site-packages")
    # What it depends on need not be installed again; what is in the environment itself comes first
    (site_packages / "dependencies.pth").write_text(str(Path(np.__file__).parents[1]))
    command = [python, "-I", "-c", USE]  # -I: whatever PYTHONPATH says
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == ([str(site_packages), "True"], "")


def test_it_needs_four_packages_only(distributions):
    with zipfile.ZipFile(distributions[1]) as wheel:
        (metadata,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        folder = Path(wheel.extract(metadata, distributions[1].parent)).parent
    requirements = [r for r in Distribution.at(folder).requires if "extra ==" not in r]
    names = {requirement.partition(">")[0] for requirement in requirements}
    assert names == {"numpy", "scipy", "scikit-learn", "joblib"}
