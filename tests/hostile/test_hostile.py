"""Some of the cases that ``python -m tests.hostile`` runs by the thousand."""

from functools import cache

import pytest

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

from .cases import run_case
from .parameters import EXTREME, ORDINARY
from .scenarios import SCENARIOS

N_BLOCKS, N_CASES_OF_A_BLOCK = 10, 50
report_on = cache(run_case)


@pytest.mark.parametrize("block", range(N_BLOCKS))
def test_cases_end_in_a_sound_result_or_in_words(block):
    numbers = range(block * N_CASES_OF_A_BLOCK, (block + 1) * N_CASES_OF_A_BLOCK)
    faults = {number: faults for number in numbers if (faults := report_on(number).faults)}
    assert not faults, "python -m tests.hostile --only NUMBER runs one of them again"


def test_a_case_follows_from_its_number():
    first, again, other = run_case(40), run_case(40), run_case(40, seed=1)
    assert first == again
    assert (first.scenario, first.ends) != (other.scenario, other.ends)


def test_nothing_is_left_out():
    """All parameters are drawn, and each kind of story ends well at times, and at times not."""
    names = {*MLPScratchClassifier().get_params(), *MLPScratchRegressor().get_params()}
    assert {*ORDINARY, "activation", "hidden_layer_sizes"} == names
    assert set(EXTREME) <= names
    reports = [report_on(number) for number in range(200)]
    assert {report.scenario for report in reports} == {story.__name__ for story in SCENARIOS}
    ends = {end for report in reports for end in report.ends}
    for method in ("fit", "partial_fit", "predict"):
        assert {f"{method}: result", f"{method}: ValueError"} <= ends
