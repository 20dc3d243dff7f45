import { stripVTControlCharacters, styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** What is used of process.stdout. */
export interface ScreenOutput {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): boolean;
}

/** Where the demo writes: a terminal with colours and a line that moves, or plain lines in a file or a pipe. */
export class Screen {
  readonly #out: ScreenOutput;
  readonly #live: boolean;
  readonly #colours: boolean;
  #lineIsOpen = false;
  #lastProgressAt = Number.NEGATIVE_INFINITY;

  constructor(out: ScreenOutput, env: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#live = out.isTTY && env["TERM"] !== "dumb";
    // NO_COLOR counts when it is there and not empty (no-color.org).
    this.#colours = this.#live && (env["NO_COLOR"] ?? "") === "";
  }

  paint(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text;
  }

  line(text = ""): void {
    this.#closeLine();
    this.#out.write(`${text}\n`);
  }

  /** A sentence, `indent` columns in, that wraps between words at the terminal's edge. */
  text(text: string, indent = 0): void {
    let line = "";
    for (const word of text.split(" ")) {
      const longer = line === "" ? word : `${line} ${word}`;
      if (line === "" || indent + visibleLength(longer) < this.#width) {
        line = longer;
        continue;
      }
      this.line(" ".repeat(indent) + line);
      line = word;
    }
    this.line(" ".repeat(indent) + line);
  }

  /** How far something is, `done` in 0..1: drawn over itself on a terminal, else a line every two seconds. */
  progress(done: number, text: string): void {
    const now = performance.now();
    if (now - this.#lastProgressAt < (this.#live ? 80 : 2000)) return;
    if (this.#live) {
      const bar = `  ${progressBar(done)} ${text}`;
      this.#out.write(`\r\u001B[K${this.paint("cyan", bar.slice(0, this.#width - 1))}`);
      this.#lineIsOpen = true;
    } else if (this.#lastProgressAt !== Number.NEGATIVE_INFINITY) {
      this.line(`  ${(done * 100).toFixed(0)} %  ${text}`);
    }
    this.#lastProgressAt = now;
  }

  /** The moving line with a text of its own: for what has no known end. Nothing elsewhere. */
  note(text: string): void {
    const now = performance.now();
    if (!this.#live || now - this.#lastProgressAt < 80) return;
    this.#out.write(`\r\u001B[K${this.paint("cyan", `  ${text}`.slice(0, this.#width - 1))}`);
    this.#lineIsOpen = true;
    this.#lastProgressAt = now;
  }

  /** Takes the moving line away. */
  endProgress(): void {
    if (this.#lineIsOpen) this.#out.write("\r\u001B[K");
    this.#lineIsOpen = false;
    this.#lastProgressAt = Number.NEGATIVE_INFINITY;
  }

  /** Columns as wide as their cells; cells may be painted. On a terminal, lines end at its edge. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const lines = [head.map((cell) => this.paint("dim", cell)), ...rows];
    const widths = head.map((_, column) =>
      Math.max(...lines.map((cells) => visibleLength(cells[column] ?? ""))),
    );
    for (const cells of lines) {
      const padded = cells.map(
        (cell, column) => cell + " ".repeat((widths[column] ?? 0) - visibleLength(cell)),
      );
      this.line(this.#fit(`  ${padded.join("  ").trimEnd()}`));
    }
  }

  get #width(): number {
    return this.#live && this.#out.columns > 0 ? this.#out.columns : Number.POSITIVE_INFINITY;
  }

  #fit(text: string): string {
    if (visibleLength(text) <= this.#width) return text;
    const plain = stripVTControlCharacters(text);
    return `${plain.slice(0, Math.max(1, this.#width - 1))}…`;
  }

  #closeLine(): void {
    if (this.#lineIsOpen) this.endProgress();
  }
}

const barWidth = 24;

function progressBar(done: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, done)) * barWidth);
  return "█".repeat(filled) + "░".repeat(barWidth - filled);
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
