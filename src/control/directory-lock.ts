import { randomUUID } from "node:crypto";
import { constants, copyFile, link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OptionsError } from "../config/options-error.ts";

const FILE = "weir.lock";
/** A lock that its owner left behind is taken once; whoever comes first then has it. */
const ATTEMPTS = 3;

/**
 * Makes this process the only Weir in a data directory, until the returned function gives it back. The lock file names its
 * owner: the process id and, where the system tells it (Linux), the instant that process started, so that an id which was given
 * to another process after a crash or a reboot holds nothing. Processes that cannot see each other (containers that share a
 * volume) are not kept apart. Throws OptionsError when another one has it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, FILE);
  const mine = `${process.pid} ${await startOf(process.pid)}\n`;
  const own = `${path}.${randomUUID()}`;
  await write(own, mine);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await place(own, path)) return () => release(path, mine);
      const owner = await readIfThere(path);
      if (owner === undefined) continue;
      if (await isAlive(owner)) throw inUse(directory, path, owner);
      if (await takeOver(own, path, owner)) return () => release(path, mine);
    }
  } finally {
    await unlinkIfThere(own);
  }
  const owner = (await readIfThere(claimOf(path))) ?? (await readIfThere(path));
  throw inUse(directory, path, owner ?? "");
}

const claimOf = (path: string): string => `${path}.claim`;

/** Who has the claim replaces what an owner left behind, unless another one did so since it was read. False = it has not. */
async function takeOver(own: string, path: string, owner: string): Promise<boolean> {
  const claim = claimOf(path);
  if (!(await place(own, claim))) {
    const claimer = await readIfThere(claim);
    if (claimer !== undefined && !(await isAlive(claimer))) await unlinkIfThere(claim);
    return false;
  }
  try {
    if ((await readIfThere(path)) !== owner) return false;
    await rename(own, path);
    return true;
  } finally {
    await unlinkIfThere(claim);
  }
}

async function write(path: string, owner: string): Promise<void> {
  try {
    await writeFile(path, owner, { flag: "wx" });
  } catch (error) {
    // On a full disk it was made, and holds nothing.
    if (error instanceof Error && !("path" in error)) await unlinkIfThere(path);
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

/** Gives a file a second name, with all that is in it at once. False when something has that name. */
async function place(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    if (!WITHOUT_LINKS.has(codeOf(error))) throw error;
  }
  try {
    await copyFile(own, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** What file systems say that know no second names. */
const WITHOUT_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

async function release(path: string, mine: string): Promise<void> {
  if ((await readIfThere(path)) === mine) await unlinkIfThere(path);
}

async function isAlive(owner: string): Promise<boolean> {
  const [id = "", start = ""] = owner.trimEnd().split(" ");
  const pid = Number(id);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    if (codeOf(error) !== "EPERM") return false;
  }
  return (await startOf(pid)) === start;
}

/** When a process started, in ticks since the machine did; "" where the system does not tell, "ended" when it waits to be buried. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in parentheses, may hold anything; after it comes the state, and the start 19 fields later.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return "ended";
  return fields[19] ?? "";
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function inUse(directory: string, path: string, owner: string): OptionsError {
  const [pid = "unknown"] = owner.trimEnd().split(" ");
  return new OptionsError(
    `the data directory ${directory} is in use by another weir (process ${pid}): stop it, or choose another with --data DIR\nif no weir runs there, delete ${path}`,
    1,
  );
}
