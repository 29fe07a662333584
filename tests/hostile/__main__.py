"""Run cases by the thousand, and print what is wrong with them, by kind.

``python -m tests.hostile --cases 10000`` runs all; ``--only 123`` one of them again, in detail.
"""

import argparse
import faulthandler
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from .cases import run_case

_CHUNK = 50
_SHOWN = 5  # numbers of cases of a kind


def main():
    """Run what the command line asks for; the exit status is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--engine", choices=["numpy", "numba"], default="numpy")
    parser.add_argument("--only", type=int, help="number of the one case to run")
    given = parser.parse_args()
    numbers = range(given.first, given.first + given.cases)
    if given.only is not None:
        numbers = [given.only]
    run = partial(run_case, seed=given.seed, engine=given.engine)
    reports = list(_run(run, numbers, given.jobs))
    _print(reports)
    return int(any(report.faults for report in reports))


def _run(run, numbers, jobs):
    if jobs == 1:
        yield from map(run, numbers)
        return
    with ProcessPoolExecutor(jobs, initializer=faulthandler.enable) as pool:
        yield from pool.map(run, numbers, chunksize=_CHUNK)


def _print(reports):
    kinds = defaultdict(list)
    ends = sum((report.ends for report in reports), Counter())
    for report in reports:
        for fault in set(report.faults):
            kinds[_kind(fault)].append((report.number, report.scenario, fault))
    for _, examples in sorted(kinds.items(), key=lambda item: -len(item[1])):
        shown = ", ".join(str(number) for number, *_ in examples[:_SHOWN])
        print(f"{len(examples)} x {examples[0][1]}, cases {shown}: {examples[0][2]}\n")
    for name, count in ends.most_common():
        print(f"{count:7d} {name}")
    wrong = sum(bool(report.faults) for report in reports)
    print(f"{len(reports)} cases, {wrong} with a fault, of {len(kinds)} kinds")


def _kind(fault):
    """Return a fault without what differs from case to case."""
    fault = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\([^)]*\)|\{[^}]*\}", "_", fault)
    return re.sub(r"[-+\d.]+(e[-+]?\d+)?|nan|inf", "#", fault)[:70]


if __name__ == "__main__":
    sys.exit(main())
