import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/*
 * Writes below a directory (the first argument) in every way that a recorder must see, or in the way that the second argument names, and says
 * "line number, CLOCK_MONOTONIC" of every line that it takes for durable.
 */
const [, , directory = "", way = "all"] = process.argv;

const say = (line: number): void => {
  writeSync(1, `${line} ${process.hrtime.bigint()}\n`);
};

/** Lines with a sync before each is called durable; or after it, which a power cut must show. */
function writeLines(syncFirst: boolean, syncsName: boolean): void {
  mkdirSync(join(directory, "lines"));
  if (syncsName) syncDirectory(directory);
  const file = openSync(join(directory, "lines", "log"), "w");
  if (syncsName) syncDirectory(join(directory, "lines"));
  for (let line = 0; line < 40; line++) {
    writeSync(file, `${String(line).padStart(699, " ")}\n`);
    if (syncFirst) fdatasyncSync(file);
    say(line);
    if (!syncFirst) fdatasyncSync(file);
  }
  closeSync(file);
}

function syncDirectory(path: string): void {
  const opened = openSync(path, "r");
  fsyncSync(opened);
  closeSync(opened);
}

async function writeAll(): Promise<void> {
  mkdirSync(join(directory, "a/b"), { recursive: true });
  const database = new DatabaseSync(join(directory, "a/x.db"));
  database.exec("PRAGMA journal_mode = wal; CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)");
  for (let i = 0; i < 20; i++) {
    database.prepare("INSERT INTO t VALUES (?, ?)").run(i, new Uint8Array(5000).fill(i));
  }
  // Left open: its log stays.
  writeFileSync(join(directory, "new"), "new");
  renameSync(join(directory, "new"), join(directory, "renamed"));
  appendFileSync(join(directory, "renamed"), " and more");
  await writeFile(join(directory, "a/async"), Buffer.alloc(200_000, 1));
  await rename(join(directory, "a/async"), join(directory, "a/moved"));
  const handle = await open(join(directory, "a/parts"), "w");
  await handle.writev([Buffer.from("one"), Buffer.from("two")]);
  await handle.truncate(4);
  await handle.close();
  copyFileSync(join(directory, "a/moved"), join(directory, "copy"));
  writeFileSync(join(directory, "a/b/gone"), "gone");
  rmSync(join(directory, "a/b"), { recursive: true });
  process.exit(0);
}

if (way === "all") await writeAll();
else writeLines(way !== "too early", way !== "no name");
