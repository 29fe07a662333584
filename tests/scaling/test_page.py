"""The program of docs/scaling_out.md, and what its text says of it."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "scaling_out.md"


@pytest.fixture
def blocks(request):
    """Return the blocks of Python; those that need Ray only where it is installed."""
    pytest.importorskip("dask.distributed")
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    if find_spec("ray"):
        request.getfixturevalue("ray")
        return found
    return [block for block in found if "ray" not in block]


@pytest.mark.filterwarnings("ignore:Port 8787 is already in use")  # by another cluster of Dask
def test_runs(blocks, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "scaling_out"}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), namespace)
    *searches, mapped, streamed, by_block = map(float, capsys.readouterr().out.split())
    assert len(searches) >= 2
    assert len(set(searches)) == 1
    assert searches[0] > 0.9
    assert min(mapped, streamed, by_block) > 0.9
    network, X, y = namespace["network"], namespace["X_blocks"].compute(), namespace["y"]
    np.testing.assert_equal(by_block, network.score(X, y))
