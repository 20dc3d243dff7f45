import { Worker } from "node:worker_threads";
import type { Journal } from "../../src/state/journal/journal.ts";

/** Ends a journal's writer thread without a word: what is appended then comes nowhere. What it returns tells the journal, as its end would have. */
export async function stopWriter(journal: Journal): Promise<() => void> {
  const handle: unknown = Reflect.get(journal, "writer");
  const worker: unknown = Reflect.get(Object(handle), "worker");
  if (!(worker instanceof Worker)) throw new Error("the journal has no writer");
  const told = worker.listeners("exit");
  worker.removeAllListeners("exit");
  await worker.terminate();
  return () => {
    for (const tell of told) Reflect.apply(tell, worker, []);
  };
}
