import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkConfig, readConfig } from "../../../src/config/config-file.ts";
import { configJsonSchema } from "../../../src/config/file-schema.ts";
import { formatProblems } from "../../../src/config/format-problems.ts";

/** `line:column path: message` of every problem. */
function problems(text: string): string[] {
  return checkConfig(text).map(
    ({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`,
  );
}

const example = readFileSync(new URL("../../../examples/weir.yaml", import.meta.url), "utf8");

describe("the worked example", () => {
  it("is fine", () => {
    expect(problems(example)).toEqual([]);
    const { detectors } = readConfig(example);
    expect([...detectors.keys()]).toEqual(["card-payments", "host-metrics", "api-latency"]);
    expect(detectors.get("card-payments")?.rules).toHaveLength(3);
  });

  it("is fine with everything that it comments out", () => {
    const lines = example.split("\n");
    const from = lines.findIndex((line) => line.startsWith("grpc:"));
    const uncommented = lines.map((line, i) =>
      i < from || /^ {2,}# [A-Z]/.test(line) ? line : line.replace(/^( *)# ?(?=[ a-z_]+:)/, "$1"),
    );
    const text = uncommented.join("\n");
    expect(problems(text)).toEqual([]);
    const { options } = readConfig(text);
    expect(options).toMatchObject({
      data: "./.weir",
      tls: { client_ca: "ca.pem" },
      alerts: { webhook: { attempts: 8 } },
      limits: { server_requests_max: 16_384 },
    });
  });
});

describe("checkConfig", () => {
  it.each([
    ["", []],
    ["limits:\nlog:\n", []],
    ["grpcc: x", ['1:1 grpcc: there is no such option; did you mean "grpc"?']],
    ["inputs: []", ["1:1 inputs: there is no such option; it is a detector's: write it under"]],
    ["http: 80", ['1:7 http: got 80, expected HOST:PORT, for example 127.0.0.1:14345, or "off"']],
    ["log: {level: loud}", ['1:14 log.level: got "loud", expected one of trace, debug, info,']],
    ["log:\n  formt: json", ['2:3 log.formt: there is no such option; did you mean "format"?']],
    ["threads: 99999", ["1:10 threads: got 99999, expected a whole number between 1 and 256"]],
    ["tls: {cert: x}", ["1:1 tls.key: got nothing, expected the path of a file"]],
    ["a: 1\na: 2", ["2:1 : YAML: Map keys must be unique"]],
    ["a: [1", ["1:6 : YAML: Flow sequence"]],
    ["x: *y", [": YAML: Unresolved alias"]],
    ["a: &x [*x]", ["1:1 : YAML: an alias refers to what it stands in"]],
    ["- x", ["1:1 : got a list, expected an object"]],
    ["detectors: [1]", ["1:1 detectors: got a list, expected a map of names to detectors"]],
    [
      "detectors:\n  a/b:\n    inputs: [{name: a}]",
      ['2:3 detectors["a/b"]: as a detector\'s name'],
    ],
    ["detectors:\n  d:\n", ["2:3 detectors.d: is missing: a detector needs at least one input"]],
    [
      "detectors:\n  __proto__:\n    inputs: [{name: a}]",
      ['2:3 detectors.__proto__: as a detector\'s name: "__proto__" cannot be a name'],
    ],
    [
      "grpc: x\ndetectors:\n  d:\n    inputs:\n      - name: amount\n        typ: number\n",
      [
        "1:7 grpc: got",
        '6:9 detectors.d.inputs[0].typ: there is no such field; did you mean "type"?',
      ],
    ],
    [
      "detectors:\n  d:\n    inputs: [{name: a}]\n    halfSpaceTrees: {seed: 18446744073709551616}",
      ["4:28 detectors.d.half_space_trees.seed: got 18446744073709551616, expected a whole"],
    ],
    [
      "detectors:\n  d:\n    inputs: [{name: a}]\n    rules: [{name: r, when: b > 1}]",
      ['4:29 detectors.d.rules[0].when: there is no name "b"'],
    ],
  ])("%j", (text, expected) => {
    const found = problems(text);
    expect(found).toHaveLength(expected.length);
    for (const [i, start] of expected.entries()) expect(found[i]).toContain(start);
  });

  it("keeps all digits of a 64-bit seed", () => {
    const text =
      "detectors: {d: {inputs: [{name: a}], half_space_trees: {seed: 18446744073709551615}}}";
    expect(readConfig(text).detectors.get("d")?.model.seed).toBe(2n ** 64n - 1n);
  });

  it("never throws", () => {
    const piece = fc.constantFrom(
      ..."detectors: {,},[,],- ,\n,  ,a,:,inputs:,name:,&x ,*x,!!int ,|,>,'".split(","),
      '"',
      "#",
      "\t",
      "? ",
      "%YAML 1.1\n---\n",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((all) => all.join("")),
        ),
        (text) => {
          expect(Array.isArray(checkConfig(text))).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("shows the line and marks what is wrong", () => {
    const text = "grpc: 127.0.0.1:1\nthreads: many\n";
    expect(formatProblems("weir.yaml", text, checkConfig(text))).toBe(
      [
        'weir.yaml:2:10: threads: got "many", expected a whole number between 1 and 256',
        "  2 | threads: many",
        "    |          ^^^^",
        "",
        "1 problem in weir.yaml",
      ].join("\n"),
    );
  });
});

describe("the JSON Schema", () => {
  it("knows every option, and describes those that are no sections", () => {
    const schema = configJsonSchema();
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(schema["additionalProperties"]).toBe(false);
    const text = JSON.stringify(schema);
    for (const name of [
      "client_ca",
      "otlp_endpoint",
      "half_space_trees",
      "default_value",
      "when",
    ]) {
      expect(text).toContain(`"${name}"`);
    }
  });
});
