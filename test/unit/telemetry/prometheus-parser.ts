export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleLine = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const labelPair = /(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** A strict reader of Prometheus' text format 0.0.4: throws on what it does not know or what a scraper would refuse. */
export function parsePrometheus(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let help = "";
  let family = { type: "", help: "", samples: [] as Sample[] };
  let familyName = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (\S+) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      help = rest;
    } else if (keyword === "TYPE") {
      if (families.has(name)) throw new Error(`${name} comes twice`);
      familyName = name;
      family = { type: rest, help, samples: [] };
      families.set(name, family);
    } else if (!line.startsWith("#")) {
      const sample = parseSample(line);
      const base =
        family.type === "histogram" ? sample.name.replace(/_(bucket|sum|count)$/, "") : sample.name;
      if (base !== familyName) throw new Error(`${sample.name} is outside its family: ${line}`);
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): Sample {
  const { name = "", labels = "", value = "NaN" } = sampleLine.exec(line)?.groups ?? {};
  const number = Number(value.replace("+Inf", "Infinity"));
  if (name === "" || Number.isNaN(number)) throw new Error(`no sample: ${line}`);
  return { name, labels: parseLabels(labels), value: number };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(labelPair)) {
    const { name = "", value = "" } = match.groups ?? {};
    if (name in labels) throw new Error(`label ${name} comes twice: ${text}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw new Error(`bad labels: ${text}`);
  return labels;
}
