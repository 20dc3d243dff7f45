import type { Admitted, Beside, PlacedTicket, Submission } from "../admission/beside.ts";
import type { VerdictObserver } from "../admission/pending.ts";
import type { Ticket } from "../admission/scorer.ts";
import type { Detector } from "../domain/detector.ts";
import { Mode } from "../domain/event.ts";
import { Pair } from "./pair.ts";
import type { Shadow } from "./shadow.ts";
import type { SideQueue } from "./side-queue.ts";
import type { SideRows } from "./side-rows.ts";
import { mixRules, SplitAnswer } from "./split.ts";

type Alone = (submission: Submission) => PlacedTicket;

/** Gives the requests of a live detector to its shadows. */
export class Feed implements Beside {
  /** At most one of them has a share. */
  readonly shadows: readonly Shadow[];
  private readonly queue: SideQueue;
  private readonly wake: () => void;
  private readonly mixes = new WeakMap<Detector, WeakMap<Detector, Detector>>();

  constructor(shadows: readonly Shadow[], queue: SideQueue, wake: () => void) {
    this.shadows = shadows;
    this.queue = queue;
    this.wake = wake;
  }

  submit(submission: Submission, alone: Alone): Ticket {
    const split = this.shadows.find(({ share }) => share > 0);
    if (split !== undefined) return this.submitBoth(submission, split, alone);
    const watchers = new Watchers();
    return alone({
      ...submission,
      observer: watchers,
      placed: (admitted) => this.queueFor(this.shadows, admitted, watchers),
    });
  }

  private queueFor(shadows: readonly Shadow[], admitted: Admitted, watchers: Watchers): void {
    for (const shadow of shadows) {
      let queued: SideRows | undefined;
      const beats = admitted.mode === Mode.HEARTBEAT;
      const pair = new Pair(beats ? 0 : admitted.rows, shadow.tally, (row) => queued?.skip(row));
      queued = this.queue.add(shadow, admitted, beats ? undefined : pair);
      if (queued !== undefined && !beats) watchers.all.push(pair);
    }
  }

  /** Both take the request whole, in the same turn: each learns from all rows and answers within the budget, or falls back. */
  private submitBoth(submission: Submission, split: Shadow, alone: Alone): Ticket {
    const { request, reply, call } = submission;
    const rows = request.frame?.rows ?? request.events.length;
    const beats = request.mode === Mode.HEARTBEAT;
    const answer = new SplitAnswer(request, beats ? 0 : rows, {
      shadow: split,
      reply,
      mixed: (live, shadow) => this.mixed(live, shadow),
    });
    const watchers = new Watchers();
    const pair = new Pair(beats ? 0 : rows, split.tally, () => undefined);
    const others = this.shadows.filter((shadow) => shadow !== split);
    let sequence = 0;
    let arrivalMs: number | undefined;
    let encoded: Admitted["encoded"];
    const live = alone({
      ...submission,
      reply: answer.liveReply,
      observer: beats ? undefined : watchers,
      answers: (row) => !answer.takes(row),
      placed: (admitted) => {
        ({ sequence, arrivalMs, encoded } = admitted);
        this.queueFor(others, admitted, watchers);
      },
      quiet: true,
    });
    watchers.all.push(pair);
    let shadow: Ticket | undefined;
    try {
      split.runtime.sequence = sequence;
      shadow = alone({
        ...submission,
        runtime: split.runtime,
        call: { ...call, internal: true },
        reply: answer.shadowReply,
        observer: beats ? undefined : { live: (region, at, row) => pair.other(region, at, row) },
        answers: (row) => answer.takes(row),
        shadows: true,
        arrivalMs,
        encoded,
      });
    } catch {
      if (!beats || split.detector.program !== undefined) split.shed(rows);
      answer.leaveToLive();
      live.answerAll();
      this.wake();
    }
    return {
      cancel: () => {
        live.cancel();
        shadow?.cancel();
      },
    };
  }

  private mixed(live: Detector, shadow: Detector): Detector {
    const known = this.mixes.get(live)?.get(shadow);
    if (known !== undefined) return known;
    const made = mixRules(live, shadow);
    const of = this.mixes.get(live) ?? new WeakMap<Detector, Detector>();
    this.mixes.set(live, of.set(shadow, made));
    return made;
  }
}

/** All that are told of the live verdicts of one request. */
class Watchers implements VerdictObserver {
  readonly all: Pair[] = [];

  // oxlint-disable-next-line max-params -- as VerdictObserver
  live(...[region, at, requestRow]: Parameters<VerdictObserver["live"]>): void {
    for (const pair of this.all) pair.live(region, at, requestRow);
  }

  skipped(requestRow: number): void {
    for (const pair of this.all) pair.skipped(requestRow);
  }
}
