export const replayHelp = `weir replay --detector NAME [--data DIR] [OPTIONS]

Runs a stretch of the journal through a detector again, in the order in which the server took the rows, and compares what comes of it with
what was answered live. A step is a function of its state and its rows, so the same specification gives the same verdicts, bit for bit; another
one tells what it would have answered. Reads only, so it may run beside a server that uses the same data.

  weir replay --detector payments                                  # all that is kept: is every verdict as it was?
  weir replay --detector payments --from 2026-03-01 --to 2026-03-02T06:00Z
  weir replay --detector payments --spec stricter.yaml --report stricter.html
  weir replay --detector payments --cold --out yesterday.parquet   # a model that begins with nothing

Which rows:
  --data DIR          a server's data directory, or a copy of one (./.weir)
  --detector NAME     whose rows: those that it answered under this name, whichever version served, and those that it was fed as a shadow of
                      this name. Rows of a version that learned beside the one that served are left out. Where a shadow had a share of the keys,
                      a row is compared with the verdict that the client got, the shadow's or the live one's
  --from PLACE        the first of them: a time of arrival (ISO 8601, UTC where it names no offset, or Unix milliseconds) or a position of the
  --to PLACE          journal (@12345); --to is the last one. Without them: everything that is kept;
                      where the beginning has left the journal, from the oldest snapshot on
  --rows-max N        ends after N rows of the detector

Through what:
  --spec FILE         another specification (YAML): a detector's, or a configuration file with \`detectors:\`. It has the inputs of the first,
                      by name. It learns from everything that is kept before the stretch, too, unless --cold is given
  --name NAME         which of the detectors of such a file
  --cold              the model knows nothing when the stretch begins. Without it and without --spec, it begins with what it knew then: from
                      the newest snapshot before the stretch, brought forward

What comes out, beside the comparison on the terminal:
  --out FILE          a verdict a row: .csv, .tsv, .ndjson, .jsonl or .parquet with the columns position, row, id, key, time, arrival, live_score,
                      live_source, live_anomaly, score, raw_score, threshold, state, anomaly, model_version, version (the model's, and
                      that of the detector that served the row), answered_by (the detector whose verdict the client got). The live ones are what
                      the client got, from the model or from a fallback. The file has
                      its name once it is whole; until then it is FILE.partial
  --report FILE.html  the comparison as one page: distributions, scores over time, alerts gained and lost, what differs in the specification

How to read it:
  changed             rows whose scores differ in any bit
  gained, lost        anomalies that only the replay sees, and that only the live model saw
  PSI                 population stability index of the scores over the tenths of the live ones: below 0.1 is commonly taken for stable, above 0.25
                      for shifted
  rank correlation    Spearman's: 1 = both put the rows in the same order of suspicion

Exit status: 0; 3 = with the same specification, and from the state that was there, something differs: where it first does is said; 1 and 2 = it
could not be run.
`;

export const explainHelp = `weir explain (--detector NAME --id ID [--key KEY] | --at POSITION:ROW) [--data DIR] [--json]

Says how one past verdict came about: what the client got, what the model said of the row, and what each input did to the score. The row is
stepped again on the state that was there; the reasons are those that the server would have given with \`explain\`, whether it was asked or not.
Reads only, so it may run beside a server that uses the same data.

  weir explain --detector payments --id tx-4711
  weir explain --detector payments --id tx-4711 --key card-8 --json
  weir explain --at 12345:0            # by its place in the journal, as \`weir replay --out\` names rows

  --data DIR           a server's data directory, or a copy of one (./.weir)
  --detector NAME      with --id: the detector that the event was sent to. Of a shadow, what it said of the row; where it had a share of the
                       keys, what is told is the verdict that the client got, the shadow's or the live one's
  --id ID              the event's id, as the client sent it; looked for from the newest rows backwards. Of an id that came more than once, the row
                       that was scored is explained, not those that had its verdict repeated
  --key KEY            the event's key, where ids are not unique over all keys
  --at POSITION:ROW    instead: the entry of the journal, and the row in it from 0
  --json               one JSON object instead of text

Exit status: 0; 1 = there is no such row in what is kept; 2 = an option is wrong; 3 = the model says something else now than the journal has.
`;
