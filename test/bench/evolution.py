"""pymoo's side of the comparison of evolutionary cores (evolution.mjs): NSGA2 with its defaults, sorting, and moocore's hypervolume.

The first line it writes names the versions. Then it answers each line of JSON on stdin, {"what": ..., ...}, with a line of JSON.
Times are the least of `repeats`, in milliseconds.
"""

import importlib.metadata
import json
import sys
import time
import types

# pymoo imports a progress bar that is never shown here and not installed (scripts/setup-tensorflow.mjs).
sys.modules["alive_progress"] = types.SimpleNamespace(alive_bar=None)

import moocore
import numpy
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize
from pymoo.problems import get_problem
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from scipy.stats import mannwhitneyu


def least_ms(repeats, work):
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - started) * 1000)
    return min(times), result


def evolve(problem, options, generations, seed):
    work = lambda: minimize(
        get_problem(problem, **options), NSGA2(pop_size=100), ("n_gen", generations), seed=seed, verbose=False
    )
    ms, result = least_ms(1, work)
    return {"ms": ms, "objectives": result.F.tolist()}


def sort(points, repeats):
    points = numpy.array(points)
    ms, fronts = least_ms(repeats, lambda: NonDominatedSorting().do(points))
    ranks = numpy.empty(len(points), dtype=int)
    for rank, front in enumerate(fronts):
        ranks[front] = rank
    return {"ms": ms, "ranks": ranks.tolist()}


def hypervolume(points, reference, repeats):
    points, reference = numpy.array(points), numpy.array(reference)
    ms, volume = least_ms(repeats, lambda: moocore.hypervolume(points, ref=reference))
    return {"ms": ms, "volume": float(volume)}


def worse(ours, theirs):
    """Probability of ranks as low as `ours` where both sides are alike (one-sided Mann-Whitney)."""
    return {"p": float(mannwhitneyu(ours, theirs, alternative="less").pvalue)}


answers = {"evolve": evolve, "sort": sort, "hypervolume": hypervolume, "worse": worse}

print(json.dumps({name: importlib.metadata.version(name) for name in ("pymoo", "moocore", "numpy")}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(answers[request.pop("what")](**request)), flush=True)
