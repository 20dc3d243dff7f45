"""PyOD and Polars as a process that answers commands, so that their runs can be interleaved with Weir's.

  python pyod_peers.py TRAIN.f64 QUERY.f64 COLUMNS

Each line on stdin is a command: versions, fit KIND, one KIND, batch KIND (microseconds: of a fit, of a row scored alone, a row of 256 scored
together), polars (12 rolling features and 3 lags of 10,000 rows); each answer is one line of JSON on stdout. One thread.
"""

import importlib
import json
import os
import statistics
import sys
import time
import warnings

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", POLARS_MAX_THREADS="1")
warnings.filterwarnings("ignore")

import numpy as np

KINDS = {
    "ecod": "ecod.ECOD",
    "copod": "copod.COPOD",
    "hbos": "hbos.HBOS",
    "knn": "knn.KNN",
    "local_outlier_factor": "lof.LOF",
    "one_class_svm": "ocsvm.OCSVM",
    "isolation_forest": "iforest.IForest",
    "mcd": "mcd.MCD",
    "cblof": "cblof.CBLOF",
    "loda": "loda.LODA",
    "suod": "suod.SUOD",
    "autoencoder": "auto_encoder.AutoEncoder",
}
# bps_flag: PyOD's default trains a cost model at every call, which takes seconds.
EXTRA = {"suod": dict(bps_flag=False, verbose=False, n_jobs=1), "autoencoder": dict(verbose=0)}
SLOW = {"suod", "autoencoder", "mcd", "isolation_forest"}


def make(kind):
    module, name = KINDS[kind].split(".")
    found = getattr(importlib.import_module(f"pyod.models.{module}"), name)
    return found(**EXTRA.get(kind, {}))


class Peers:
    def __init__(self, train, query):
        self.train, self.query, self.fitted = train, query, {}

    def model(self, kind):
        if kind not in self.fitted:
            self.fitted[kind] = make(kind).fit(self.train)
        return self.fitted[kind]

    def fit(self, kind):
        self.model(kind)
        return timed(lambda: make(kind).fit(self.train), 1 if kind in SLOW else 5)

    def one(self, kind):
        model, rows = self.model(kind), self.query[: 3 if kind in SLOW else 30]

        def score():
            for i in range(len(rows)):
                model.decision_function(rows[i : i + 1])

        score()
        return timed(score, 1) / len(rows)

    def batch(self, kind):
        model = self.model(kind)
        model.decision_function(self.query)
        return timed(lambda: model.decision_function(self.query), 3) / len(self.query)

    def polars(self):
        import polars as pl

        column = pl.col("v")
        frame = pl.DataFrame({"v": np.random.default_rng(1).normal(size=10_000)})
        features = [
            getattr(column, f"rolling_{name}")(window).alias(f"{name}{window}")
            for window in (5, 10, 20)
            for name in ("mean", "std", "min", "max")
        ] + [column.shift(lag).alias(f"lag{lag}") for lag in (1, 2, 3)]
        return timed(lambda: frame.select(features), 20)


def timed(run, repeats):
    """Median microseconds."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(taken)


def versions():
    from importlib import metadata

    found = {"python": sys.version.split()[0]}
    for package in ("pyod", "scikit-learn", "suod", "torch", "numpy", "polars"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def answer(peers, words):
    if words[0] == "versions":
        return versions()
    if words[0] == "polars":
        return {"us": peers.polars()}
    if words[0] in ("fit", "one", "batch"):
        return {"us": getattr(peers, words[0])(words[1])}
    return {"error": f"no such command: {' '.join(words)}"}


def main():
    columns = int(sys.argv[3])
    train, query = (np.fromfile(path).reshape(-1, columns) for path in sys.argv[1:3])
    peers = Peers(train, query)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is not an answer
    for line in sys.stdin:
        try:
            result = answer(peers, line.split())
        except BaseException as error:  # told to the caller, who decides
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main()
