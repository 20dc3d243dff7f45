"""The Python peers, one process that answers commands, so that its runs can be interleaved with Weir's.

  python peers.py ROWS.f64 INPUTS

Each line on stdin is a command: river, bytewax or versions; each answer is one line of JSON on stdout. The rows are little-endian
float64, row-major, the same that Weir scores. One thread.
"""

import array
import hashlib
import json
import os
import struct
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from river import anomaly, compose, preprocessing


def read_rows(path, inputs):
    values = array.array("d")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    names = [f"f{i}" for i in range(inputs)]
    return [dict(zip(names, values[at : at + inputs])) for at in range(0, len(values), inputs)]


def pipeline():
    return compose.Pipeline(
        preprocessing.StandardScaler(),
        anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=42),
    )


def run_river(rows):
    """One model, score then learn. The clock starts when the trees are built and the first window is learned."""
    model = pipeline()
    scores = []
    first = min(250, len(rows) // 2)
    for row in rows[:first]:
        scores.append(float(model.score_one(row)))
        model.learn_one(row)
    started = time.perf_counter()
    for row in rows[first:]:
        scores.append(float(model.score_one(row)))
        model.learn_one(row)
    elapsed = time.perf_counter() - started
    digest = hashlib.sha256(struct.pack(f"<{len(scores)}d", *scores)).hexdigest()[:12]
    return {"events_per_s": (len(rows) - first) / elapsed, "checksum": digest}


def run_bytewax(rows):
    """A model a key behind stateful_map. Models have learned a window before the clock starts, and snapshots are made free: deep copies of
    River's nodes would take most of the time."""
    import bytewax.operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    class Model:
        def __init__(self):
            self.pipeline = pipeline()
            for row in rows[:250]:
                self.pipeline.learn_one(row)

        def __deepcopy__(self, memo):
            return self

    keys = 10
    ready = [Model() for _ in range(keys)]

    def score(model, row):
        model = model or ready.pop()
        result = model.pipeline.score_one(row)
        model.pipeline.learn_one(row)
        return model, result

    source = [(f"key-{i % keys}", row) for i, row in enumerate(rows)]
    sink = []
    flow = Dataflow("peer")
    stream = op.input("in", flow, TestingSource(source, batch_size=256))
    op.output("out", op.stateful_map("score", stream, score), TestingSink(sink))
    started = time.perf_counter()
    run_main(flow)
    return {"events_per_s": len(rows) / (time.perf_counter() - started), "checksum": str(len(sink))}


def versions():
    from importlib import metadata

    found = {"python": sys.version.split()[0]}
    for package in ("river", "bytewax"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def main():
    rows = read_rows(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        command = line.strip()
        try:
            if command == "versions":
                answer = versions()
            elif command == "river":
                answer = run_river(rows)
            elif command == "bytewax":
                answer = run_bytewax(rows)
            else:
                answer = {"error": f"no such command: {command}"}
        except Exception as error:  # told to the caller, who decides
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
