import { rowOf } from "../admission/fallback.ts";
import type { Reply } from "../admission/scorer.ts";
import type { Detector } from "../domain/detector.ts";
import type { WeirError } from "../domain/errors.ts";
import type { ScoreRequest } from "../domain/event.ts";
import type { Verdicts } from "../domain/verdict.ts";
import { Timeliness } from "../domain/verdict.ts";
import type { Shadow } from "./shadow.ts";

/** The detector whose rules are those of both: an answer names them by index. */
export type MixedOf = (live: Detector, shadow: Detector) => Detector;

/** A request that a live detector and its shadow both answer: its client gets, by key, the verdict of the one or the other. */
export class SplitAnswer {
  /** By row: whether the shadow answers it. */
  private readonly taken: Uint8Array;
  private takenRows = 0;
  private live: { readonly verdicts: Verdicts; readonly detector: Detector } | undefined;
  private shadow: { readonly verdicts: Verdicts; readonly detector: Detector } | undefined;
  private isAlone = false;
  private isOver = false;
  private readonly of: Shadow;
  private readonly reply: Reply;
  private readonly mixed: MixedOf;

  constructor(
    request: ScoreRequest,
    rows: number,
    parts: { readonly shadow: Shadow; readonly reply: Reply; readonly mixed: MixedOf },
  ) {
    this.of = parts.shadow;
    this.reply = parts.reply;
    this.mixed = parts.mixed;
    this.taken = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      if (!parts.shadow.answers(rowOf(request, row).key)) continue;
      this.taken[row] = 1;
      this.takenRows++;
    }
  }

  takes(row: number): boolean {
    return this.taken[row] === 1;
  }

  /** The live one answers all rows. */
  leaveToLive(): void {
    this.isAlone = true;
    this.taken.fill(0);
    this.takenRows = 0;
    this.finish();
  }

  readonly liveReply: Reply = {
    answer: (verdicts, detector) => {
      this.live = { verdicts, detector };
      this.finish();
    },
    fail: (error) => this.fail(error),
  };

  readonly shadowReply: Reply = {
    answer: (verdicts, detector) => {
      this.shadow = { verdicts, detector };
      this.finish();
    },
    // It was stopped meanwhile.
    fail: () => this.leaveToLive(),
  };

  private finish(): void {
    const { live, shadow } = this;
    if (this.isOver || live === undefined || (shadow === undefined && !this.isAlone)) return;
    this.isOver = true;
    if (shadow === undefined || this.takenRows === 0) {
      this.reply.answer(live.verdicts, live.detector);
      return;
    }
    this.of.tally.answered += this.takenRows;
    const rulesBefore = live.detector.config.rules.length;
    for (let row = 0; row < this.taken.length; row++) {
      if (this.taken[row] === 1) takeVerdict(shadow.verdicts, live.verdicts, row, rulesBefore);
    }
    this.reply.answer(live.verdicts, this.mixed(live.detector, shadow.detector));
  }

  private fail(error: WeirError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.reply.fail(error);
  }
}

/** Of a verdict, beside the rule, which is an index. */
const columns = [
  "scores",
  "rawScores",
  "thresholds",
  "modelVersions",
  "anomalies",
  "sources",
  "states",
  "replayed",
  "systemActions",
  "durables",
] as const satisfies readonly (keyof Verdicts)[];

/** Puts a row's verdict in the place of another's. Features stay those of the live one: they are what its specification says. */
// oxlint-disable-next-line max-params -- from where, to where
function takeVerdict(from: Verdicts, to: Verdicts, row: number, rulesBefore: number): void {
  const rule = from.rules[row] ?? -1;
  to.rules[row] = rule < 0 ? -1 : rule + rulesBefore;
  for (const column of columns) to[column][row] = from[column][row] ?? 0;
  if (to.explanations !== undefined) to.explanations[row] = from.explanations?.[row];
  if (from.timeliness !== undefined) to.timeliness ??= new Uint8Array(to.rows);
  if (to.timeliness !== undefined) {
    to.timeliness[row] = from.timeliness?.[row] ?? Timeliness.ON_TIME;
  }
}

/** The live one, with the rules of its shadow behind its own. */
export function mixRules(live: Detector, shadow: Detector): Detector {
  const { rules } = shadow.config;
  if (rules.length === 0) return live;
  const config = Object.freeze({ ...live.config, rules: [...live.config.rules, ...rules] });
  return Object.freeze({ ...live, config });
}
