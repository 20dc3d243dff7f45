import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeDirectory } from "../../../src/domain/make-directory.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "weir-made-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a directory is made with those above it, and may be there", async () => {
  const path = join(directory(), "a", "b", "c");
  await makeDirectory(path);
  expect(existsSync(path)).toBe(true);
  await makeDirectory(path);
  await makeDirectory(`${path}/../c/`);
  await makeDirectory("/");
});

test("two at a time make the same one", async () => {
  const path = join(directory(), "a", "b", "c");
  await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(join(path, "d"))]);
  expect(existsSync(join(path, "d"))).toBe(true);
});

test("a link to a directory is one; a file is none, nor is a link to nothing", async () => {
  const path = directory();
  symlinkSync(path, join(path, "link"));
  await makeDirectory(join(path, "link"));
  await makeDirectory(join(path, "link", "x"));
  writeFileSync(join(path, "file"), "");
  await expect(makeDirectory(join(path, "file"))).rejects.toThrow("EEXIST");
  await expect(makeDirectory(join(path, "file", "x"))).rejects.toThrow("ENOTDIR");
  symlinkSync(join(path, "nothing"), join(path, "dangling"));
  await expect(makeDirectory(join(path, "dangling"))).rejects.toThrow("EEXIST");
  await expect(makeDirectory(join(path, "dangling", "x"))).rejects.toThrow("EEXIST");
});

test.skipIf(process.platform !== "linux")(
  "where the file system takes none it fails, and does not try for ever",
  async () => {
    await expect(makeDirectory("/proc/weir")).rejects.toThrow("ENOENT");
    await expect(makeDirectory("/proc/weir/data")).rejects.toThrow("ENOENT");
  },
);
