import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Position } from "../shard/journal.ts";
import type { ExportAbout } from "../state/keeper/protocol.ts";
import { openExport } from "../state/keeper/export-file.ts";
import type { OpenExport } from "../state/keeper/export-file.ts";
import type { StateSource } from "../state/replay/run-types.ts";
import { openStateSource } from "../state/replay/source.ts";

/** Where the states of versions are kept, and the rows since. */
export interface VersionStore {
  readonly journal: { readonly newest: Position; readonly durable: Position };
  /** The journal, to be read. */
  source(): StateSource;
  /** Writes the state that a slot had at a position into a file of that name. */
  write(what: {
    readonly slot: number;
    readonly at: Position;
    readonly file: string;
    readonly about: ExportAbout;
  }): Promise<void>;
  /** Throws when it is not there, or damaged. */
  open(file: string): OpenExport;
  remove(file: string): void;
}

export interface VersionFilesOptions {
  /** The data directory. */
  readonly data: string;
  readonly journal: VersionStore["journal"];
  readonly shards: { readonly settled: Position };
  readonly keeper: {
    exportDetector(options: {
      readonly slot: number;
      readonly at: Position;
      readonly file: string;
      readonly about: ExportAbout;
    }): Promise<unknown>;
  };
}

/** How often it is looked whether a position is settled, ms, and how often at most. */
const LOOK_MS = 20;
const LOOKS_MAX = 3000;

/** `<data>/versions`: a file a version, written by the keeper. */
export class VersionFiles implements VersionStore {
  private readonly options: VersionFilesOptions;
  private readonly directory: string;

  constructor(options: VersionFilesOptions) {
    this.options = options;
    this.directory = join(options.data, "versions");
  }

  get journal(): VersionStore["journal"] {
    return this.options.journal;
  }

  source(): StateSource {
    return openStateSource(this.options.data);
  }

  async write({ file, ...what }: Parameters<VersionStore["write"]>[0]): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    // oxlint-disable-next-line no-await-in-loop -- until the batches before it were stepped and are on disk
    for (let look = 0; this.options.shards.settled < what.at; look++) {
      if (look === LOOKS_MAX) throw new Error(`the journal did not reach position ${what.at}`);
      await pause(LOOK_MS);
    }
    await this.options.keeper.exportDetector({ ...what, file: join(this.directory, file) });
  }

  open(file: string): OpenExport {
    return openExport(join(this.directory, file));
  }

  remove(file: string): void {
    rmSync(join(this.directory, file), { force: true });
  }
}

/** Names of detectors have characters that file systems do not take. */
export function stateFileOf(name: string, version: number): string {
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${hash}-v${version}.state`;
}
