import { limits } from "../config/limits.ts";
import type { Clock } from "../domain/clock.ts";
import { Encoder } from "../encode/encoder.ts";
import type { EncoderState } from "../encode/state.ts";
import type { Kind, Parameters } from "../models/kinds.ts";
import type { ModelFile, ModelHeader } from "../models/model-file.ts";
import type { Normalization } from "../models/module.ts";
import type { ModelPool, ScoreResult } from "../models/pool.ts";
import type { TrainingScaler } from "../models/training.ts";
import { Cache } from "./cache.ts";
import { FittedError } from "./errors.ts";
import { ModelDirectory } from "./model-directory.ts";
import type { StoredModel } from "./model-directory.ts";
import { fileNameOf, isModelName, latestOf, parseFileName, versionedName } from "./names.ts";
import type { Table } from "./table.ts";

/** What a fitted model is asked for by. The same name with another kind or normalization is another model. */
export interface ModelKey {
  readonly name: string;
  readonly kind: Kind;
  readonly normalization: Normalization;
}

/** A model that is ready to score. */
export interface FittedModel {
  readonly header: ModelHeader;
  /** In shared memory, so that no thread copies it. */
  readonly model: Uint8Array<SharedArrayBuffer>;
  readonly encoder: Encoder | undefined;
  /** Names these bytes and no others. */
  readonly id: string;
}

export interface FitRequest extends ModelKey {
  readonly table: Table;
  readonly columns: readonly string[];
  readonly encoder: EncoderState | null;
  readonly parameters: Parameters;
  /** 0 < c <= 0.5 */
  readonly contamination: number;
  /** False = under a new name, with date and time. */
  readonly overwrite: boolean;
  readonly description: string | null;
}

export interface FitResult {
  readonly fitted: FittedModel;
  readonly stored: StoredModel;
  readonly trainingMs: number;
}

export interface FittedModelsParts {
  readonly directory: string;
  readonly trainer: Pick<ModelPool, "train">;
  readonly scorer: Pick<ModelPool, "score" | "check">;
  readonly clock: Pick<Clock, "now" | "unixMs">;
  /** Weir's own. */
  readonly version: string;
}

/** LlamaFarm's random_state. */
const seed = 42n;
/** LlamaFarm scales rows by median and quartiles before any kind sees them. */
const scaler: TrainingScaler = "robust";

/**
 * Models that were fitted on a request's rows: each is a file, and the ones used last are in memory. One that has left memory, or was
 * fitted before a restart, is read again when it is asked for. Of models that differ only in their normalization the last one fitted has
 * the file.
 */
export class FittedModels {
  readonly #parts: FittedModelsParts;
  readonly #directory: ModelDirectory;
  readonly #cache = new Cache<FittedModel>({
    countMax: limits.fittedModelsMax,
    bytesMax: limits.fittedBytesMax,
  });
  /** Files that are being read, by their names. */
  readonly #reading = new Map<string, Promise<FittedModel>>();
  /** File names that fits under way have taken. */
  readonly #taken = new Set<string>();
  /** Numbers of the requests under way. */
  #held = 0;
  #ids = 0;

  private constructor(parts: FittedModelsParts, directory: ModelDirectory) {
    this.#parts = parts;
    this.#directory = directory;
  }

  static async open(parts: FittedModelsParts): Promise<FittedModels> {
    return new FittedModels(parts, await ModelDirectory.open(parts.directory));
  }

  /** Trains, and saves. TrainingError where the kind cannot; `invalid`, `too_many`; QUEUE_FULL. */
  async fit(request: FitRequest): Promise<FitResult> {
    const { name, kind, overwrite } = request;
    if (!isModelName(name)) throw new FittedError("invalid", `Invalid model_id: ${name}`);
    if (!overwrite && !isModelName(versionedName(name, 0))) {
      throw new FittedError("invalid", `Invalid model_id: ${name}: too long for a version's name`);
    }
    const taken = overwrite ? name : await this.#newVersion(name, kind);
    const fileName = fileNameOf(taken, kind);
    try {
      await this.#directory.checkRoom(fileName);
      return await this.#holding(request.table.values, () =>
        this.#train({ ...request, name: taken }),
      );
    } finally {
      if (!overwrite) this.#taken.delete(fileName);
    }
  }

  /** By its exact name; undefined = it is neither in memory nor on disk with this normalization. `unreadable`. */
  async find(key: ModelKey): Promise<FittedModel | undefined> {
    const cached = this.#cache.get(cacheKey(key));
    if (cached !== undefined || !isModelName(key.name)) return cached;
    const fileName = fileNameOf(key.name, key.kind);
    const stored = await this.#directory.find(fileName);
    if (stored?.normalization !== key.normalization) return undefined;
    return this.#read(fileName);
  }

  /**
   * What `name` means: of `name-latest` the newest version (with this normalization, where one is given), without one the plain
   * name. Other names mean themselves.
   */
  async resolve(
    key: Omit<ModelKey, "normalization"> & { readonly normalization?: Normalization },
  ): Promise<string> {
    const { name, kind, normalization } = key;
    const baseName = latestOf(name);
    if (baseName === undefined || !isModelName(baseName)) return name;
    for (const fileName of await this.#directory.versions(baseName, kind)) {
      const stored = await this.#directory.find(fileName);
      const fits = normalization === undefined || stored?.normalization === normalization;
      if (stored !== undefined && fits) return stored.name;
    }
    return baseName;
  }

  /** Reads a model's file again, whatever is in memory. `no_file`, `unreadable`. */
  async load(name: string, kind: Kind): Promise<FittedModel & { readonly fileName: string }> {
    const fileName = fileNameOf(name, kind);
    if (!isModelName(name) || (await this.#directory.find(fileName)) === undefined) {
      throw new FittedError("no_file", `Model file not found: ${fileName}`);
    }
    return { ...(await this.#read(fileName)), fileName };
  }

  /** Writes a fitted model's file again. `not_fitted`, `too_many`. */
  async save(key: ModelKey, description: string | null): Promise<StoredModel> {
    const found = await this.find(key);
    if (found === undefined) {
      throw new FittedError("not_fitted", `there is no model ${cacheKey(key)}`);
    }
    const header = { ...found.header, description: description ?? found.header.description };
    return this.#directory.save({ header, model: found.model });
  }

  /** Row-major, NaN = missing. `too_many`; QUEUE_FULL. */
  score(
    { id, model, header }: FittedModel,
    values: Float64Array,
    explain: boolean,
  ): Promise<ScoreResult> {
    const { normalization } = header;
    return this.#holding(values, () =>
      this.#parts.scorer.score({ modelId: id, model, rows: values, normalization, explain }),
    );
  }

  /** Newest first. */
  list(): Promise<readonly StoredModel[]> {
    return this.#directory.list();
  }

  /** Deletes a file; what is in memory stays there. `no_file`. */
  delete(fileName: string): Promise<void> {
    return this.#directory.delete(fileName);
  }

  /** Runs while there is room for these numbers; a lone request always has it. `too_many`. */
  async #holding<T>(values: Float64Array, run: () => Promise<T>): Promise<T> {
    if (this.#held > 0 && this.#held + values.length > limits.fitNumbersHeldMax) {
      throw new FittedError(
        "too_many",
        `requests with ${this.#held} numbers wait for a model thread, at most ${limits.fitNumbersHeldMax} do; try again later`,
      );
    }
    this.#held += values.length;
    try {
      return await run();
    } finally {
      this.#held -= values.length;
    }
  }

  async #train(request: FitRequest): Promise<FitResult> {
    const { kind, table, contamination, normalization, parameters } = request;
    const { clock, trainer, version } = this.#parts;
    const startedAt = clock.now();
    const model = await trainer.train({
      kind,
      parameters,
      columns: table.columns,
      rows: table.values,
      seed,
      contamination,
      scaler,
    });
    const trainingMs = clock.now() - startedAt;
    const header: ModelHeader = {
      name: request.name,
      kind,
      created: new Date(clock.unixMs()).toISOString(),
      weir: version,
      rows: table.rows,
      columns: request.columns,
      contamination,
      scaler,
      normalization,
      threshold: 0,
      parameters,
      description: request.description,
      encoder: request.encoder,
    };
    const unjudged = this.#ready({ header, model });
    const threshold = await this.#thresholdOf(unjudged);
    const fitted = { ...unjudged, header: { ...header, threshold } };
    const stored = await this.#directory.save(fitted);
    this.#keep(fitted);
    return { fitted, stored, trainingMs };
  }

  /** The contamination quantile of the training rows' scores as new rows. Calibrated scores have it at 0.5 by themselves. */
  async #thresholdOf(fitted: FittedModel): Promise<number> {
    if (fitted.header.normalization === "calibrated") return 0.5;
    const { threshold } = await this.score(fitted, new Float64Array(0), false);
    return threshold;
  }

  /** A version's name that nobody has; its file name is taken until the fit ends. */
  async #newVersion(name: string, kind: Kind): Promise<string> {
    for (let unixMs = this.#parts.clock.unixMs(); ; unixMs += 1000) {
      const version = versionedName(name, unixMs);
      const fileName = fileNameOf(version, kind);
      if (this.#taken.has(fileName)) continue;
      this.#taken.add(fileName);
      if (!(await this.#directory.has(fileName))) return version;
      this.#taken.delete(fileName);
    }
  }

  /** Requests for the same file share one reading. */
  #read(fileName: string): Promise<FittedModel> {
    const under = this.#reading.get(fileName);
    if (under !== undefined) return under;
    const reading = this.#readFile(fileName).finally(() => this.#reading.delete(fileName));
    this.#reading.set(fileName, reading);
    return reading;
  }

  async #readFile(fileName: string): Promise<FittedModel> {
    const file = await this.#directory.read(fileName);
    const named = parseFileName(fileName);
    if (named?.kind !== file.header.kind) {
      throw new FittedError("unreadable", `${fileName} holds a model of ${file.header.kind}`);
    }
    // Whoever renamed the file renamed the model.
    const fitted = this.#ready({ ...file, header: { ...file.header, name: named.name } });
    const fault = await this.#parts.scorer.check(fitted.model);
    if (fault !== undefined) {
      throw new FittedError("unreadable", `${fileName} cannot be read: ${fault}`);
    }
    this.#keep(fitted);
    return fitted;
  }

  #ready({ header, model }: ModelFile): FittedModel {
    const shared = new Uint8Array(new SharedArrayBuffer(model.length));
    shared.set(model);
    const encoder = header.encoder === null ? undefined : Encoder.restore(header.encoder);
    return { header, model: shared, encoder, id: `fitted-${++this.#ids}` };
  }

  #keep(fitted: FittedModel): void {
    const { header, model } = fitted;
    // An encoder's texts, in memory and as state.
    const characters = (header.encoder?.features ?? [])
      .flatMap((feature) => ("values" in feature ? feature.values : []))
      .reduce((sum, value) => sum + value.length, 0);
    this.#cache.set(cacheKey(header), fitted, model.length + 8 * characters + 4096);
  }
}

/** As LlamaFarm names a model in memory. */
export function cacheKey({ kind, normalization, name }: ModelKey): string {
  return `anomaly:${kind}:${normalization}:${name}`;
}
