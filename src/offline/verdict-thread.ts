import { workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { formatOf, openWriter } from "./formats.ts";
import { OutputFile } from "./output-file.ts";
import type { OutputColumn, OutputValues } from "./output.ts";

/** Int32 words that the thread and who waits for it share. */
export const Word = {
  /** Blocks that are written. */
  BLOCKS: 0,
  /** A ThreadState. */
  STATE: 1,
  /** Of the other two; who waits, waits for this. */
  CHANGES: 2,
  length: 3,
} as const;

/** FAILED: a message says why. CLOSED: the file has its name, or is taken away. */
export const ThreadState = { OPENING: 0, OPEN: 1, CLOSED: 2, FAILED: 3 } as const;

export interface VerdictThreadData {
  readonly words: Int32Array;
  /** VerdictTasks in, and the text of what went wrong out. */
  readonly port: MessagePort;
  readonly path: string;
  readonly columns: readonly OutputColumn[];
}

/** Names that a column holds again and again: the index of each row's; one that is none = there is no name. */
export interface Coded {
  readonly names: readonly string[];
  readonly codes: Uint8Array;
}

export type VerdictTask =
  | {
      readonly task: "write";
      readonly values: readonly (OutputValues | Coded)[];
      readonly rows: number;
    }
  | { readonly task: "finish" }
  | { readonly task: "abandon" };

/** Writes a file as it is told; changes STATE and BLOCKS when it has. */
function serve({ words, port, path, columns }: VerdictThreadData): void {
  const tell = (word: number, value: number): void => {
    Atomics.store(words, word, value);
    Atomics.add(words, Word.CHANGES, 1);
    Atomics.notify(words, Word.CHANGES);
  };
  let isSound = true;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      isSound = false;
      port.postMessage(error instanceof Error ? error.message : String(error), []);
      tell(Word.STATE, ThreadState.FAILED);
    }
  };
  attempt(() => {
    const file = new OutputFile(path, undefined);
    const writer = openWriter(formatOf(path), file, columns, undefined);
    let blocks = 0;
    port.on("message", (task: VerdictTask) =>
      attempt(() => {
        // A file without some of its rows must not get its name.
        if (!isSound && task.task !== "abandon") return;
        if (task.task === "write") {
          writer.write(task.values.map(valuesOf), task.rows);
          tell(Word.BLOCKS, ++blocks);
          return;
        }
        if (task.task === "finish") {
          writer.finish();
          file.finish();
        } else {
          file.abandon(false);
        }
        tell(Word.STATE, ThreadState.CLOSED);
        port.close();
      }),
    );
    tell(Word.STATE, ThreadState.OPEN);
  });
}

function valuesOf(values: OutputValues | Coded): OutputValues {
  if (!("codes" in values)) return values;
  const { names, codes } = values;
  return Array.from(codes, (code) => names[code]);
}

function isData(data: unknown): data is VerdictThreadData {
  return typeof data === "object" && data !== null && "words" in data && "columns" in data;
}

if (isData(workerData)) serve(workerData);
