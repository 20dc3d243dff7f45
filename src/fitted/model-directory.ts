import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../config/limits.ts";
import type { Kind } from "../models/kinds.ts";
import {
  decodeModelFile,
  decodeModelHeader,
  encodeModelFile,
  ModelFileError,
  modelFilePrefixBytes,
  modelHeaderBytes,
} from "../models/model-file.ts";
import type { ModelFile, ModelHeader } from "../models/model-file.ts";
import type { Normalization } from "../models/module.ts";
import { FittedError } from "./errors.ts";
import { baseNameOf, fileNameOf, isVersioned, parseFileName } from "./names.ts";

/** A model's file, without the model. */
export interface StoredModel {
  readonly fileName: string;
  readonly path: string;
  readonly bytes: number;
  readonly name: string;
  readonly baseName: string;
  readonly versioned: boolean;
  readonly kind: Kind;
  /** When it was trained, by its header; when the file was written where that cannot be read. UTC, ISO 8601. */
  readonly created: string;
  /** Undefined = the header cannot be read. */
  readonly normalization: Normalization | undefined;
  readonly description: string | null;
}

/** Files of a write that did not end. */
const temporaryExtension = ".new";
const fileBytesMax = limits.modelHeaderBytesMax + limits.modelBytesMax + 1024;

/** The directory with one file a model: `{name}_{kind}.weir`. This process alone writes it. */
export class ModelDirectory {
  readonly path: string;
  /** What headers said, by file name: they are read again only when the file is another. */
  readonly #seen = new Map<string, { readonly mtimeMs: number; readonly stored: StoredModel }>();
  /** Names of files that are being written for the first time. */
  readonly #coming = new Set<string>();

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the directory when it is not there, and removes what writes left behind that did not end. */
  static async open(path: string): Promise<ModelDirectory> {
    await mkdir(path, { recursive: true });
    const left = (await readdir(path)).filter((name) => name.endsWith(temporaryExtension));
    await Promise.all(left.map((name) => unlink(join(path, name))));
    return new ModelDirectory(path);
  }

  /** Whole or not at all, in place of a file by the same name. `too_many` when there is no room for another file. */
  async save(file: ModelFile): Promise<StoredModel> {
    const fileName = fileNameOf(file.header.name, file.header.kind);
    await this.#reserve(fileName);
    try {
      await writeWhole(this.path, fileName, encodeModelFile(file));
    } finally {
      this.#coming.delete(fileName);
    }
    const stored = await this.find(fileName);
    if (stored === undefined) throw new Error(`${fileName} was removed while it was written`);
    return stored;
  }

  /** `too_many` where `save` would say it; so that nothing is trained for a file that has no place. */
  async checkRoom(fileName: string): Promise<void> {
    const names = new Set([...(await this.#fileNames()), ...this.#coming]);
    if (names.has(fileName) || names.size < limits.modelFilesMax) return;
    throw new FittedError(
      "too_many",
      `${this.path} holds ${names.size} models, the limit; delete some with DELETE /v1/anomaly/models/{filename}`,
    );
  }

  /** Whether there is a file by this name, or one is being written. */
  async has(fileName: string): Promise<boolean> {
    return this.#coming.has(fileName) || (await this.#fileNames()).includes(fileName);
  }

  /** `no_file`, `unreadable`. */
  async read(fileName: string): Promise<ModelFile> {
    const handle = await this.#open(fileName);
    try {
      const { size } = await handle.stat();
      if (size > fileBytesMax) {
        throw new FittedError("unreadable", `${fileName} cannot be read: it has ${size} bytes`);
      }
      return decodeModelFile(await readAt(handle, 0, size));
    } catch (error) {
      throw unreadable(fileName, error);
    } finally {
      await handle.close();
    }
  }

  /** Undefined = no such file. */
  async find(fileName: string): Promise<StoredModel | undefined> {
    const parsed = parseFileName(fileName);
    if (parsed === undefined) return undefined;
    const path = join(this.path, fileName);
    const found = await stat(path).catch(ignoreMissing);
    if (found === undefined || !found.isFile()) return undefined;
    const seen = this.#seen.get(fileName);
    if (seen?.mtimeMs === found.mtimeMs && seen.stored.bytes === found.size) return seen.stored;
    const header = await this.#header(fileName);
    const stored: StoredModel = {
      fileName,
      path,
      bytes: found.size,
      ...parsed,
      baseName: baseNameOf(parsed.name),
      versioned: isVersioned(parsed.name),
      created: header?.created ?? found.mtime.toISOString(),
      normalization: header?.normalization,
      description: header?.description ?? null,
    };
    this.#seen.set(fileName, { mtimeMs: found.mtimeMs, stored });
    return stored;
  }

  /** Newest first. */
  async list(): Promise<readonly StoredModel[]> {
    const names = await this.#fileNames();
    for (const name of this.#seen.keys()) if (!names.includes(name)) this.#seen.delete(name);
    const found: StoredModel[] = [];
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- a header takes megabytes: one at a time
      const stored = await this.find(name);
      if (stored !== undefined) found.push(stored);
    }
    return found.toSorted(
      (a, b) => compare(b.created, a.created) || compare(b.fileName, a.fileName),
    );
  }

  /** File names of a model's versions, newest first. */
  async versions(baseName: string, kind: Kind): Promise<readonly string[]> {
    return (await this.#fileNames())
      .filter((fileName) => {
        const parsed = parseFileName(fileName);
        return (
          parsed?.kind === kind && isVersioned(parsed.name) && baseNameOf(parsed.name) === baseName
        );
      })
      .toSorted((a, b) => compare(b, a));
  }

  /** `no_file`. */
  async delete(fileName: string): Promise<void> {
    if ((await this.find(fileName)) === undefined) throw noFile(fileName);
    await unlink(join(this.path, fileName)).catch(ignoreMissing);
    this.#seen.delete(fileName);
    await syncDirectory(this.path);
  }

  async #reserve(fileName: string): Promise<void> {
    await this.checkRoom(fileName);
    this.#coming.add(fileName);
  }

  async #fileNames(): Promise<readonly string[]> {
    return (await readdir(this.path)).filter((name) => parseFileName(name) !== undefined);
  }

  async #open(fileName: string): Promise<FileHandle> {
    if (parseFileName(fileName) === undefined) throw noFile(fileName);
    const handle = await open(join(this.path, fileName), "r").catch(ignoreMissing);
    if (handle === undefined) throw noFile(fileName);
    return handle;
  }

  /** Undefined = it cannot be read. */
  async #header(fileName: string): Promise<ModelHeader | undefined> {
    const handle = await this.#open(fileName);
    try {
      const length = modelHeaderBytes(await readAt(handle, 0, modelFilePrefixBytes));
      return decodeModelHeader(await readAt(handle, modelFilePrefixBytes, length));
    } catch (error) {
      if (error instanceof ModelFileError) return undefined;
      throw error;
    } finally {
      await handle.close();
    }
  }
}

/** As many bytes as there are, up to `length`. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

async function writeWhole(directory: string, fileName: string, bytes: Buffer): Promise<void> {
  const temporary = join(directory, `${randomUUID()}${temporaryExtension}`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(directory, fileName));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes a renaming itself last through a power cut, where the system can do that. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function noFile(fileName: string): FittedError {
  return new FittedError("no_file", `Model file not found: ${fileName}`);
}

function unreadable(fileName: string, error: unknown): unknown {
  if (!(error instanceof ModelFileError)) return error;
  return new FittedError("unreadable", `${fileName} cannot be read: ${error.message}`, error);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
