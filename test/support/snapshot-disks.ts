import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { disk as realDisk } from "../../src/state/snapshot/disk.ts";
import type { Disk } from "../../src/state/snapshot/disk.ts";

/** A disk that takes so many bytes, and says ENOSPC for the first that does not fit; also to be told to refuse to remove things. */
export function fullDisk(bytes: number, canRemove = true): Disk {
  let room = bytes;
  return {
    ...realDisk,
    create(path) {
      const file = realDisk.create(path);
      return {
        ...file,
        write(data) {
          file.write(data.subarray(0, Math.max(0, room)));
          room -= data.length;
          if (room < 0) throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
        },
      };
    },
    remove(path) {
      if (!canRemove && existsSync(path)) throw new Error("EROFS: read-only file system");
      realDisk.remove(path);
    },
  };
}

interface Content {
  bytes: Uint8Array;
  synced: number;
}

/** What was done to the names in a directory. Durable once that directory was synced after it. */
interface NameOperation {
  readonly parent: string;
  durable: boolean;
  apply(names: Map<string, Content | "directory">): void;
}

/**
 * The real disk, which remembers what of it would be there after a power cut: of files what was synced, and any part of the rest; of names what
 * a sync of their directory made last, and any of the later ones.
 */
export class PowerDisk implements Disk {
  private readonly operations: NameOperation[] = [];
  private readonly contents = new Map<string, Content>();
  /** Operations that are still done; the next one is cut off. */
  private left: number;

  constructor(operations: number) {
    this.left = operations;
  }

  create(path: string): ReturnType<Disk["create"]> {
    this.spend();
    const file = realDisk.create(path);
    const content: Content = { bytes: new Uint8Array(0), synced: 0 };
    this.contents.set(path, content);
    this.name(path, (names) => names.set(path, content));
    return {
      write: (bytes) => {
        this.spend();
        file.write(bytes);
        content.bytes = Buffer.concat([content.bytes, bytes]);
      },
      sync: () => {
        this.spend();
        file.sync();
        content.synced = content.bytes.length;
      },
      close: () => file.close(),
    };
  }

  makeDirectory(path: string): void {
    this.spend();
    if (existsSync(path)) return;
    realDisk.makeDirectory(path);
    this.name(path, (names) => names.set(path, "directory"));
  }

  share(from: string, to: string): void {
    this.spend();
    realDisk.share(from, to);
    const content = this.contents.get(from) ?? whole(from);
    this.contents.set(to, content);
    this.name(to, (names) => names.set(to, content));
  }

  rename(from: string, to: string): void {
    this.spend();
    realDisk.rename(from, to);
    this.name(to, (names) => {
      if (!names.has(from)) return;
      for (const [path, content] of names) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        names.delete(path);
        names.set(to + path.slice(from.length), content);
      }
    });
    for (const [path, content] of this.contents) {
      if (path.startsWith(`${from}/`)) this.contents.set(to + path.slice(from.length), content);
    }
  }

  syncDirectory(path: string): void {
    this.spend();
    realDisk.syncDirectory(path);
    for (const operation of this.operations) {
      if (operation.parent === path) operation.durable = true;
    }
  }

  remove(path: string): void {
    this.spend();
    if (!existsSync(path)) return;
    realDisk.remove(path);
    this.name(path, (names) => {
      for (const each of names.keys()) {
        if (each === path || each.startsWith(`${path}/`)) names.delete(each);
      }
    });
  }

  /** Lays out in `to` what is there after the cut of what was under `root`. `chance` answers 0..1. */
  afterCut(root: string, to: string, chance: () => number): void {
    const names = new Map<string, Content | "directory">();
    for (const operation of this.operations) {
      if (operation.durable || chance() < 0.5) operation.apply(names);
    }
    for (const [path, content] of names) {
      const at = join(to, relative(root, path));
      if (content === "directory") mkdirSync(at, { recursive: true });
      else if (isThere(path, names)) writeFile(at, left(content, chance));
    }
  }

  private spend(): void {
    if (this.left-- <= 0) throw new Error("the power is gone");
  }

  private name(path: string, apply: NameOperation["apply"]): void {
    this.operations.push({ parent: dirname(path), durable: false, apply });
  }
}

function isThere(path: string, names: ReadonlyMap<string, unknown>): boolean {
  return names.has(dirname(path));
}

function whole(path: string): Content {
  const bytes = readFileSync(path);
  return { bytes, synced: bytes.length };
}

/** Of what was not synced: nothing, some of it, or zeros in its place. */
function left({ bytes, synced }: Content, chance: () => number): Uint8Array {
  const kept = bytes.slice(0, synced + Math.floor(chance() * (bytes.length - synced + 1)));
  if (chance() < 0.5) kept.fill(0, synced);
  return kept;
}

function writeFile(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
