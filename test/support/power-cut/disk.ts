import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Operation } from "./log.ts";

/*
 * What a disk can hold after the power went at a point of a recorded run.
 *
 * A file: what was written before the begin of its last completed sync is there. Each write and truncation after that is there, or is not, or is
 * there in some of its sectors of 512 bytes, each by itself and in no order. (A file system that keeps an order has fewer outcomes.)
 * A directory: names made, moved and removed before its last completed sync are so. Of those after it a prefix is: file systems with a journal
 * of their own (ext4, XFS) keep the order of names. Directories do not wait for each other, and the sync of a file does not keep its name.
 * The index of SQLite's log (-shm) is shared memory behind the recorder's back: it is gone, or holds anything.
 */

const SECTOR = 512;

type Fate = "lost" | "kept" | "prefix" | "mixed";

/** What became of what no sync had completed for. */
export interface Losses {
  kept: number;
  dropped: number;
  torn: number;
  /** Names that were made, moved or removed in vain. */
  names: number;
}

type FileOperation =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly length: number };

class FileNode {
  /** What is on disk for sure. */
  #synced: Buffer = Buffer.alloc(0);
  #length = 0;
  #folded = 0;
  readonly #pending: FileOperation[] = [];

  get operations(): number {
    return this.#folded + this.#pending.length;
  }

  add(operation: FileOperation): void {
    this.#pending.push(operation);
  }

  /** The first `operations` of all are on disk. */
  sync(operations: number): void {
    const count = Math.max(0, operations - this.#folded);
    const image = new Image(this.#synced, this.#length);
    for (const operation of this.#pending.splice(0, count)) image.apply(operation);
    this.#synced = image.bytes;
    this.#length = image.length;
    this.#folded += count;
  }

  contents(random: () => number, fate: Fate, losses: Losses): Buffer {
    const image = new Image(Buffer.from(this.#synced.subarray(0, this.#length)), this.#length);
    const until = Math.floor(random() * (this.#pending.length + 1));
    for (const [i, operation] of this.#pending.entries()) {
      const kept =
        fate === "mixed" ? random() < 0.5 : fate === "kept" || (fate === "prefix" && i < until);
      const torn =
        fate === "mixed"
          ? !kept && random() < 0.5
          : fate === "prefix" && i === until && random() < 0.7;
      if (kept) {
        losses.kept++;
        image.apply(operation);
      } else if (torn && operation.kind === "write") {
        losses.torn++;
        image.tear(operation, random, fate === "prefix");
      } else losses.dropped++;
    }
    return image.bytes.subarray(0, image.length);
  }
}

class Image {
  bytes: Buffer;
  length: number;

  constructor(bytes: Buffer, length: number) {
    this.bytes = bytes;
    this.length = length;
  }

  apply(operation: FileOperation): void {
    if (operation.kind === "write") {
      this.#grow(operation.at + operation.bytes.length);
      operation.bytes.copy(this.bytes, operation.at);
      return;
    }
    if (operation.length < this.length) this.bytes.fill(0, operation.length, this.length);
    else this.#grow(operation.length);
    this.length = operation.length;
  }

  /** Some of its sectors; or the first ones. Where sectors are missing and nothing was, there are zeros. */
  tear(
    { at, bytes }: Extract<FileOperation, { kind: "write" }>,
    random: () => number,
    isPrefix: boolean,
  ): void {
    const until = at + Math.floor(random() * bytes.length);
    for (let from = at; from < at + bytes.length;) {
      const to = Math.min((Math.floor(from / SECTOR) + 1) * SECTOR, at + bytes.length);
      if (isPrefix ? to <= until : random() < 0.5) {
        this.apply({ kind: "write", at: from, bytes: bytes.subarray(from - at, to - at) });
      }
      from = to;
    }
  }

  #grow(length: number): void {
    if (length > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    this.length = Math.max(length, this.length);
  }
}

type Node = FileNode | DirectoryNode;
type NameOperation =
  | { readonly kind: "put"; readonly name: string; readonly node: Node }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "move"; readonly name: string; readonly to: string };

class DirectoryNode {
  /** As processes see it. */
  readonly now = new Map<string, Node>();
  readonly #synced = new Map<string, Node>();
  #folded = 0;
  readonly #pending: NameOperation[] = [];

  get operations(): number {
    return this.#folded + this.#pending.length;
  }

  add(operation: NameOperation): void {
    applyName(this.now, operation);
    this.#pending.push(operation);
  }

  sync(operations: number): void {
    const count = Math.max(0, operations - this.#folded);
    for (const operation of this.#pending.splice(0, count)) applyName(this.#synced, operation);
    this.#folded += count;
  }

  names(random: () => number, fate: Fate, losses: Losses): ReadonlyMap<string, Node> {
    const names = new Map(this.#synced);
    const all = this.#pending.length;
    const kept = fate === "kept" ? all : fate === "lost" ? 0 : Math.floor(random() * (all + 1));
    for (const operation of this.#pending.slice(0, kept)) applyName(names, operation);
    losses.names += all - kept;
    return names;
  }
}

function applyName(names: Map<string, Node>, operation: NameOperation): void {
  if (operation.kind === "put") return void names.set(operation.name, operation.node);
  const node = names.get(operation.name);
  names.delete(operation.name);
  if (operation.kind === "move" && node !== undefined) names.set(operation.to, node);
}

/** A disk that is brought forward through a recorded run, and written out as it could be after a cut there. */
export class Disk {
  readonly #operations: readonly Operation[];
  readonly #root = new DirectoryNode();
  readonly #open = new Map<string, Node>();
  readonly #syncs = new Map<string, { readonly node: Node; readonly operations: number }>();
  #next = 0;

  constructor(operations: readonly Operation[]) {
    this.#operations = operations;
  }

  /** Everything before operation `index` has happened. Goes forward only. */
  advance(index: number): void {
    for (; this.#next < index; this.#next++) {
      const operation = this.#operations[this.#next];
      if (operation !== undefined) this.#apply(operation);
    }
  }

  /** CLOCK_MONOTONIC of the cut: what a client knew before it, it knew before the power went. */
  get timeNs(): bigint {
    const next = this.#operations[this.#next] ?? this.#operations.at(-1);
    return next?.timeNs ?? 0n;
  }

  /** Writes what the disk holds into a new directory. Without `random` everything that was written. */
  write(directory: string, random?: () => number): Losses {
    const losses: Losses = { kept: 0, dropped: 0, torn: 0, names: 0 };
    const draw = random ?? (() => 0);
    const fates = ["lost", "kept", "prefix", "mixed", "mixed"] as const;
    const fate =
      random === undefined ? "kept" : (fates[Math.floor(draw() * fates.length)] ?? "mixed");
    const put = (node: DirectoryNode, at: string): void => {
      mkdirSync(at);
      for (const [name, child] of node.names(draw, fate, losses)) {
        const to = path.join(at, name);
        if (child instanceof DirectoryNode) put(child, to);
        else if (!name.endsWith("-shm")) writeFileSync(to, child.contents(draw, fate, losses));
        else if (draw() < 0.5) writeFileSync(to, noise(draw));
      }
    };
    put(this.#root, directory);
    return losses;
  }

  #apply(operation: Operation): void {
    if (!("fd" in operation)) return this.#name(operation);
    const handle = `${operation.process}:${operation.fd}`;
    if (operation.kind === "open") this.#openFile(operation, handle);
    else if (operation.kind === "close") this.#open.delete(handle);
    else if (operation.kind === "write") this.#file(handle).add(operation);
    else if (operation.kind === "truncate") this.#file(handle).add(operation);
    else this.#sync(operation, handle);
  }

  #sync(operation: Extract<Operation, { kind: "syncBegin" | "syncEnd" }>, handle: string): void {
    const name = `${operation.process}:${operation.sync}`;
    if (operation.kind === "syncBegin") {
      const node = this.#node(handle);
      this.#syncs.set(name, { node, operations: node.operations });
      return;
    }
    const sync = this.#syncs.get(name);
    if (sync !== undefined && !operation.failed) sync.node.sync(sync.operations);
  }

  #openFile(operation: Extract<Operation, { kind: "open" }>, handle: string): void {
    if (operation.path === "") return void this.#open.set(handle, this.#root);
    const { parent, name } = this.#place(operation.path);
    if (operation.created) parent.add({ kind: "put", name, node: new FileNode() });
    const node = parent.now.get(name);
    if (node === undefined) throw new Error(`${operation.path} was never made`);
    if (operation.truncated && node instanceof FileNode) node.add({ kind: "truncate", length: 0 });
    this.#open.set(handle, node);
  }

  #name(
    operation: Extract<Operation, { kind: "rename" | "link" | "unlink" | "mkdir" | "rmdir" }>,
  ): void {
    const { parent, name } = this.#place(operation.path);
    if (operation.kind === "mkdir") {
      parent.add({ kind: "put", name, node: new DirectoryNode() });
    } else if (operation.kind === "rename") {
      const to = this.#place(operation.to);
      if (to.parent !== parent) {
        throw new Error(
          `${operation.path} moved to another directory: the model has no order there`,
        );
      }
      parent.add({ kind: "move", name, to: to.name });
    } else if (operation.kind === "link") {
      const to = this.#place(operation.to);
      const node = parent.now.get(name);
      if (node !== undefined) to.parent.add({ kind: "put", name: to.name, node });
    } else parent.add({ kind: "remove", name });
  }

  #place(where: string): { readonly parent: DirectoryNode; readonly name: string } {
    const parts = where.split("/").filter((part) => part !== "");
    const name = parts.pop() ?? "";
    let parent = this.#root;
    for (const part of parts) {
      const child = parent.now.get(part);
      if (!(child instanceof DirectoryNode)) throw new Error(`no directory ${part} in ${where}`);
      parent = child;
    }
    return { parent, name };
  }

  #node(handle: string): Node {
    const node = this.#open.get(handle);
    if (node === undefined) throw new Error(`descriptor ${handle} is not open`);
    return node;
  }

  #file(handle: string): FileNode {
    const node = this.#node(handle);
    if (!(node instanceof FileNode)) throw new Error(`descriptor ${handle} is a directory`);
    return node;
  }
}

function noise(random: () => number): Buffer {
  return Buffer.from(Uint8Array.from({ length: 32_768 }, () => Math.floor(random() * 256)));
}
