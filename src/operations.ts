import type { Detectors } from "./control/detectors.ts";
import type { Operations, VerdictQuery } from "./control/operations.ts";
import { Code, WeirError } from "./domain/errors.ts";
import { asExplainedVerdict } from "./report/explain-verdict.ts";
import { explainInThread } from "./report/explain-in-thread.ts";
import type { Shadows } from "./shadow/shadows.ts";
import { StateOperations } from "./state/state-operations.ts";
import type { StateOperationsOptions } from "./state/state-operations.ts";
import { verifyInThread } from "./state/verify/verify-in-thread.ts";
import type { Versions } from "./versions/versions.ts";

export interface OperationsOptions extends StateOperationsOptions {
  readonly module: WebAssembly.Module;
  readonly detectors: Detectors;
  readonly versions: Versions;
  readonly shadows: Shadows;
}

/** What an operator asks of this server: each part does its own. */
export function createOperations(options: OperationsOptions): Operations {
  const { data, module, shadows, versions } = options;
  const state = new StateOperations(options);
  return {
    state: () => state.state(),
    createSnapshot: () => state.createSnapshot(),
    listSnapshots: () => state.listSnapshots(),
    backUp: (directory, journal) => state.backUp(directory, journal),
    exportDetector: (name) => state.exportDetector(name),
    importDetector: (name, chunks) => state.importDetector(name, chunks),
    verify(deep) {
      state.checkKept();
      return verifyInThread(deep ? { data, deep: module } : { data });
    },
    async explainVerdict(query) {
      state.checkKept();
      const explained = await explainInThread({ data, module, query: pastVerdict(query) });
      if (explained === undefined) throw unknownVerdict(query);
      return asExplainedVerdict(explained);
    },
    updateDetector: (name, config) => versions.update(name, config),
    versions: (name) => Promise.resolve().then(() => versions.list(name)),
    rollback: (name, version, replay) => versions.rollback(name, version, replay),
    startShadow: (start) => shadows.start(start),
    setShadowShare: (name, share) => shadows.setShare(name, share),
    shadowReport: (name) => Promise.resolve().then(() => shadows.report(name)),
    promoteShadow: (name) => shadows.promote(name),
    stopShadow: (name) => shadows.stop(name),
  };
}

function pastVerdict(query: VerdictQuery) {
  if ("position" in query) return query;
  const { detector, eventId, key } = query;
  return { detector, id: eventId, key };
}

function unknownVerdict(query: VerdictQuery): WeirError {
  const what =
    "position" in query
      ? `row ${query.row} of entry ${query.position}`
      : `the event "${query.eventId}" of key "${query.key}"`;
  return new WeirError(
    Code.NOT_FOUND,
    "UNKNOWN_VERDICT",
    `${what} is not in the journal: it never was, or it has left it (journal_max_mb, journal_max_age_hours)`,
  );
}
