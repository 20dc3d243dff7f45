import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const committed = "src/transport/grpc/generated";

function contents(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]),
  );
}

test("the generated types are what `npm run generate` makes of the contract", () => {
  const script: unknown = JSON.parse(readFileSync("package.json", "utf8"));
  const directory = mkdtempSync(join(tmpdir(), "weir-generated-"));
  try {
    expect(script).toHaveProperty("scripts.generate", expect.stringContaining(committed));
    const command = readFileSync("package.json", "utf8").match(/"generate": "(.*)"/)?.[1] ?? "";
    const [tool = "", ...flags] = command.replace(committed, directory).split(" ");
    execFileSync(join("node_modules/.bin", tool), flags);
    expect(contents(directory)).toEqual(contents(committed));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
