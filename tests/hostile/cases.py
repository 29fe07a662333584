"""One case by its number: its story is drawn, told under a time limit, and judged."""

import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .draw import Draw
from .oracle import Hang, bits, blas_threads, time_limit
from .scenarios import SCENARIOS
from .session import Session

_SECONDS = 20
_REPEATED = 10  # one case in so many is run twice
_NUMPY_DEFAULTS = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}


@dataclass
class Report:
    """What came of a case."""

    number: int
    scenario: str
    faults: list = field(default_factory=list)
    ends: Counter = field(default_factory=Counter)


def run_case(number, seed=0, engine="numpy"):
    """Run a case, and return the report on it."""
    report, trace = _run_once(number, seed, engine)
    if number % _REPEATED == 0 and _run_once(number, seed, engine)[1] != trace:
        report.faults.append("two runs: not the same")
    return report


def _run_once(number, seed, engine):
    draw, session = Draw(seed, number, engine), Session()
    scenario = _drawn(draw)
    report = Report(number, scenario.__name__, session.faults, session.ends)
    np.random.seed(number)  # what random_state=None draws from
    threads = blas_threads()
    try:
        with time_limit(_SECONDS), warnings.catch_warnings(), np.errstate(**_NUMPY_DEFAULTS):
            warnings.simplefilter("ignore")  # of what is not under observation
            scenario(session, draw)
    except Hang:
        session.faults.append(f"takes more than {_SECONDS} s")
    except Exception:
        session.faults.append(f"outside of a call: {traceback.format_exc()}")
    if blas_threads() != threads:
        session.faults.append("changes the number of BLAS threads")
    return report, bits(session.trace)


def _drawn(draw):
    shares = np.array(list(SCENARIOS.values()), dtype=float)
    return list(SCENARIOS)[draw.rng.choice(len(shares), p=shares / shares.sum())]
