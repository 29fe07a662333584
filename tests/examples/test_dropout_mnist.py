import os
import re
import runpy
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "examples" / "dropout_mnist.py"


@pytest.mark.skipif(
    not os.environ.get("SKNN_SCRATCH_DATA"),
    reason="needs the real data: set SKNN_SCRATCH_DATA to their folder",
)
def test_quick_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--quick"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    means = re.findall(r"mean test accuracy: ([\d.]+)", capsys.readouterr().out)
    assert len(means) == 2
    assert min(map(float, means)) > 0.9
