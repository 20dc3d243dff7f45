/** HTML or SVG that may stand as it is. Made by `html` alone, which escapes everything else. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly Part[];

/** Text between tags is taken as it is written; what is put in is escaped, for content and for attributes in double quotes, unless it is Markup. */
export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = fixed[0] ?? "";
  for (const [i, part] of parts.entries()) text += written(part) + (fixed[i + 1] ?? "");
  return new Markup(text);
}

function written(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === "number") return String(part);
  return typeof part === "string" ? escaped(part) : part.map(written).join("");
}

const entities: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

/** Controls, and marks that turn the direction of the text around them, are shown by their number. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escaped(text: string): string {
  return shown(text).replaceAll(/[&<>"']/g, (found) => entities.get(found) ?? "");
}

/** A text that came with the data, with everything that a terminal or a page would not show as a sign shown as `\u{...}`. */
export function shown(text: string): string {
  return text.replaceAll(hidden, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}
