import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { Screen, type ScreenOutput } from "../../../src/demo/screen.ts";

function output(isTTY: boolean, columns: number): ScreenOutput & { text: string } {
  return {
    text: "",
    isTTY,
    columns,
    write(text: string) {
      this.text += text;
      return true;
    },
  };
}

describe("Screen", () => {
  test("colours on a terminal, unless NO_COLOR is set", () => {
    expect(new Screen(output(true, 80), {}).paint("red", "x")).toBe("\u001B[31mx\u001B[39m");
    expect(new Screen(output(true, 80), { NO_COLOR: "1" }).paint("red", "x")).toBe("x");
    expect(new Screen(output(false, 80), {}).paint("red", "x")).toBe("x");
  });

  test("without a terminal there is no control character, whatever is drawn", () => {
    const out = output(false, 0);
    const screen = new Screen(out, {});
    screen.progress(0.5, "half");
    screen.endProgress();
    screen.table(["a"], [["b"]]);
    screen.text("a sentence", 2);
    expect(stripVTControlCharacters(out.text)).toBe(out.text);
    expect(out.text).not.toContain("\r");
  });

  test("sentences wrap between words, painted or not", () => {
    const out = output(true, 20);
    const screen = new Screen(out, {});
    screen.text(`one ${screen.paint("bold", "two")} three four five six`, 2);
    const lines = stripVTControlCharacters(out.text).trimEnd().split("\n");
    expect(lines).toEqual(["  one two three", "  four five six"]);
  });

  test("a table's lines end at the edge", () => {
    const out = output(true, 12);
    new Screen(out, { NO_COLOR: "1" }).table(["name", "x"], [["a long name", "1"]]);
    for (const line of out.text.trimEnd().split("\n")) expect(line.length).toBeLessThanOrEqual(12);
  });
});
