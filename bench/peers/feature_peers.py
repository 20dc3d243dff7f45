"""River, Bytewax, Polars and DuckDB computing windowed features, as a process that answers commands, so that runs can be interleaved.

  python feature_peers.py ROWS.f64 FOLDER

ROWS.f64: rows of three float64s: key (a whole number), event time in ms (rising), amount; they are also written to FOLDER/rows.parquet. Each line on stdin is a
command: versions, river, bytewax, polars_rolling, polars_dynamic, polars_file (from Parquet to Parquet), duckdb; each answer is one line of JSON on stdout:
rows a second over as many rows as the peer is given, and the sums of the features of the last rows, to compare. One thread.
"""

import datetime
import json
import os
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", POLARS_MAX_THREADS="1")

import numpy as np

MINUTES = (10, 60, 1440)
CHECKED = 100


def versions(_):
    import bytewax
    import duckdb
    import polars
    import river

    found = {"river": river.__version__, "polars": polars.__version__, "duckdb": duckdb.__version__}
    found["bytewax"] = getattr(bytewax, "__version__", "0.21")
    return {**found, "python": sys.version.split()[0]}


def river(rows):
    """feature_extraction.Agg over utils.TimeRolling by key: count (a sum of ones), sum, mean and variance over three periods."""
    from river import feature_extraction, stats, utils

    aggs = [
        feature_extraction.Agg(
            on=on, by="key", how=utils.TimeRolling(how, period=datetime.timedelta(minutes=minutes))
        )
        for minutes in MINUTES
        for on, how in (("one", stats.Sum), ("amount", stats.Sum), ("amount", stats.Mean), ("amount", stats.Var))
    ]
    start = datetime.datetime(2026, 1, 1)
    events = [
        ({"key": int(key), "amount": amount, "one": 1}, start + datetime.timedelta(milliseconds=ms)) for key, ms, amount in rows
    ]
    last = []
    began = time.perf_counter()
    for x, at in events:
        found = 0.0
        for agg in aggs:
            agg.learn_one(x, t=at)
            found += sum(agg.transform_one(x).values())
        last.append(found)
    seconds = time.perf_counter() - began
    return {"rows_per_s": len(events) / seconds, "last": last[-CHECKED:]}


def bytewax(rows):
    """Count and sum in tumbling windows of an hour, by key: the least that its windows can do."""
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    events = [
        (str(int(key)), (start + datetime.timedelta(milliseconds=ms), amount)) for key, ms, amount in rows
    ]
    out = []
    flow = Dataflow("features")
    stream = op.input("in", flow, TestingSource(events, batch_size=1000))
    clock = win.EventClock(lambda event: event[0], wait_for_system_duration=datetime.timedelta(0))
    windower = win.TumblingWindower(length=datetime.timedelta(hours=1), align_to=start)
    folded = win.fold_window(
        "fold", stream, clock, windower, lambda: (0, 0.0), lambda a, e: (a[0] + 1, a[1] + e[1]), lambda a, b: (a[0] + b[0], a[1] + b[1])
    )
    op.output("out", folded.down, TestingSink(out))
    began = time.perf_counter()
    run_main(flow)
    return {"rows_per_s": len(events) / (time.perf_counter() - began), "last": []}


def frame(rows):
    import polars as pl

    times = (rows[:, 1]).astype("int64")
    return pl.DataFrame({"key": rows[:, 0].astype("int64"), "time": times, "amount": rows[:, 2]}).with_columns(
        pl.from_epoch("time", time_unit="ms").set_sorted()
    )


def polars_rolling(rows):
    """DataFrame.rolling by key: the same twelve numbers for every row."""
    import polars as pl

    table = frame(rows)
    began = time.perf_counter()
    amount = pl.col("amount")
    parts = [
        table.rolling("time", period=f"{minutes}m", group_by="key").agg(
            count=amount.count(), sum=amount.sum(), mean=amount.mean(), var=amount.var()
        )
        for minutes in MINUTES
    ]
    seconds = time.perf_counter() - began
    return {"rows_per_s": len(rows) / seconds, "last": [sum(float(part["sum"].sum()) for part in parts)]}


def polars_dynamic(rows):
    """group_by_dynamic by key: one row a key and hour, not one an event."""
    import polars as pl

    table = frame(rows)
    began = time.perf_counter()
    amount = pl.col("amount")
    for minutes in MINUTES:
        table.group_by_dynamic("time", every=f"{minutes}m", group_by="key").agg(
            count=amount.count(), sum=amount.sum(), mean=amount.mean(), var=amount.var()
        )
    return {"rows_per_s": len(rows) / (time.perf_counter() - began), "last": []}


def polars_file(rows):
    """polars_rolling from Parquet to Parquet, in a process that is warm."""
    import polars as pl

    began = time.perf_counter()
    table = pl.read_parquet(f"{FOLDER}/rows.parquet").with_columns(pl.from_epoch("time", time_unit="ms").set_sorted())
    amount = pl.col("amount")
    parts = [
        table.rolling("time", period=f"{minutes}m", group_by="key").agg(
            pl.col("amount").count().alias(f"count_{minutes}"),
            amount.sum().alias(f"sum_{minutes}"),
            amount.mean().alias(f"mean_{minutes}"),
            amount.var().alias(f"var_{minutes}"),
        )
        for minutes in MINUTES
    ]
    whole = pl.concat([parts[0], *[part.drop("key", "time") for part in parts[1:]]], how="horizontal")
    whole.write_parquet(f"{FOLDER}/polars.parquet")
    return {"rows_per_s": len(rows) / (time.perf_counter() - began), "last": []}


def duckdb(rows):
    """Window functions with RANGE frames by key: the same twelve numbers for every row."""
    import duckdb as duck

    table = frame(rows)
    connection = duck.connect(config={"threads": 1})
    connection.register("events", table.to_arrow())
    connection.execute("create temp table e as select * from events")
    parts = [
        f"{how}(amount) over w{minutes} as {how}_{minutes}"
        for minutes in MINUTES
        for how in ("count", "sum", "avg", "var_samp")
    ]
    windows = [
        f"w{minutes} as (partition by key order by time range between interval '{minutes * 60000 - 1} milliseconds' preceding and current row)"
        for minutes in MINUTES
    ]
    query = f"create or replace temp table f as select {', '.join(parts)} from e window {', '.join(windows)}"
    began = time.perf_counter()
    connection.execute(query)
    seconds = time.perf_counter() - began
    total = sum(connection.execute(f"select sum(sum_{minutes}) from f").fetchone()[0] for minutes in MINUTES)
    return {"rows_per_s": len(rows) / seconds, "last": [total]}


COMMANDS = {each.__name__: each for each in (versions, river, bytewax, polars_rolling, polars_dynamic, polars_file, duckdb)}
# Those that take long are given fewer rows.
ROWS = {"river": 20_000, "bytewax": 50_000}


def with_polars(rows):
    """Writes the rows as Weir's command reads them: the key as text, the time in ms."""
    import polars as pl

    key, at = rows[:, 0].astype("int64"), rows[:, 1].astype("int64")
    table = pl.DataFrame({"key": key, "time": at, "amount": rows[:, 2]})
    table.with_columns(pl.col("key").cast(pl.String)).write_parquet(f"{FOLDER}/rows.parquet")


FOLDER = sys.argv[2] if len(sys.argv) > 2 else "."


def main():
    rows = np.fromfile(sys.argv[1], dtype="<f8").reshape(-1, 3)
    with_polars(rows)
    for line in sys.stdin:
        name = line.strip()
        try:
            answer = COMMANDS[name](rows[: ROWS.get(name, len(rows))])
        except Exception as error:  # the caller shows it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
