import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("../../../", import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

test.each(["examples/client.ts", "examples/client.py"])(
  "the README shows %s as it is",
  async (path) => {
    expect(await read("README.md")).toContain((await read(path)).trimEnd());
  },
);

test("every file and folder that the README and ARCHITECTURE.md link to is there", async () => {
  for (const document of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]) {
    const links = [...(await read(document)).matchAll(/\]\((?!https?:|#)([^)#]+)/g)];
    for (const [, path] of links) {
      await expect(
        import("node:fs/promises").then(({ stat }) => stat(new URL(path!, root))),
      ).resolves.toBeDefined();
    }
  }
});

test("ARCHITECTURE.md gives a reason for every runtime dependency", async () => {
  const text = await read("ARCHITECTURE.md");
  const { dependencies } = JSON.parse(await read("package.json")) as {
    dependencies: Record<string, string>;
  };
  const named = Object.keys(dependencies).filter(
    (name) =>
      !text.includes(name) &&
      !(name.startsWith("@opentelemetry/") && text.includes("@opentelemetry/*")),
  );
  expect(named).toEqual([]);
});
