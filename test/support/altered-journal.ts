import { cpSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { Kind } from "../../src/state/journal/entry.ts";
import { chainOf } from "../../src/state/journal/segment-file.ts";
import type { EntryHead } from "../../src/state/journal/segment-file.ts";
import { listSegments } from "../../src/state/journal/segments.ts";
import { journalIn } from "../../src/state/replay/restore-shard.ts";

/** A copy at `data` in which the journal says of one row that its score was another; whole by all its checksums. */
export function withAnotherScore(
  from: string,
  data: string,
): { readonly data: string; readonly of: number } {
  cpSync(from, data, { recursive: true });
  const [segment] = listSegments(journalIn(data));
  if (segment === undefined) throw new Error("no journal");
  const database = new DatabaseSync(segment.path);
  let of = 0;
  let chain: number | undefined;
  const select = database.prepare("SELECT * FROM entries ORDER BY position");
  const update = database.prepare(
    "UPDATE entries SET body = ?, crc = ?, chain = ? WHERE position = ?",
  );
  for (const entry of select.all()) {
    const { body, kind, position, rows, shard } = entry;
    if (!(body instanceof Uint8Array)) throw new Error("no body");
    const isIt = of === 0 && kind === Kind.VERDICTS && Number(position) > 100;
    if (isIt) {
      const view = new DataView(body.buffer, body.byteOffset);
      of = view.getFloat64(0, true);
      view.setFloat64(16, 0.123, true);
    }
    if (of === 0) {
      chain = Number(entry["chain"]);
      continue;
    }
    const crc = crc32(body);
    const head = { position, shard, kind, unixMs: entry["unix_ms"], rows, bytes: body.length, crc };
    chain = chainOf(numbers(head), chain ?? 0);
    update.run(body, crc, chain, position ?? 0);
  }
  database.close();
  return { data, of };
}

function numbers(head: Readonly<Record<keyof EntryHead, unknown>>): EntryHead {
  const { position, shard, kind, unixMs, rows, bytes, crc } = head;
  const all = [position, shard, kind, unixMs, rows, bytes, crc].map(Number);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0] = all;
  return { position: a, shard: b, kind: c, unixMs: d, rows: e, bytes: f, crc: g };
}
