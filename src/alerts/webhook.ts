import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Clock } from "../domain/clock.ts";
import { WeirError } from "../domain/errors.ts";
import type { Alert, Alerts, Watcher } from "./alerts.ts";
import { alertJson, type AlertJson } from "./json.ts";
import { Ring } from "./ring.ts";

/** Where alerts are posted to, and how hard it is tried. */
export interface WebhookOptions {
  /** Checked by `webhookUrl`. */
  readonly url: URL;
  /** Detectors whose alerts are posted; none = all. */
  readonly detectors: readonly string[];
  /** Sent with every request, for example an `authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the first byte of a request to the status line of its answer. */
  readonly timeoutMs: number;
  /** Attempts at one request; then its alerts are lost. */
  readonly attemptsMax: number;
  /** Alerts in one request. */
  readonly batchAlertsMax: number;
  /** Alerts that wait while the receiver is slow or away; then the oldest goes. */
  readonly queueAlertsMax: number;
  /** The wait after the first failure; it doubles with every further one. */
  readonly backoffMinMs: number;
  /** The longest wait, also when the receiver asks for more with Retry-After. */
  readonly backoffMaxMs: number;
}

/**
 * 8 attempts from 0.5 s on, each wait between half and the whole of twice the last: a receiver may be away for about a minute
 * before alerts are lost (`weir_alerts_lost_total`). 100 alerts a request: a flood costs tens of requests, and a body stays
 * below 64 KiB with usual keys.
 */
export const webhookDefaults = {
  detectors: [],
  headers: {},
  timeoutMs: 10_000,
  attemptsMax: 8,
  batchAlertsMax: 100,
  backoffMinMs: 500,
  backoffMaxMs: 60_000,
} as const;

/** What a webhook works with; `random` is uniform in [0, 1). */
export interface WebhookParts {
  readonly alerts: Alerts;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Alerts that will not arrive. */
  readonly onLost: (alerts: number) => void;
  readonly random?: () => number;
  /** Starts every alert's id: unique per process. */
  readonly instanceId?: string;
}

export interface Webhook {
  /** Alerts that were found and not yet delivered or lost. */
  readonly waiting: number;
  /**
   * Takes no more alerts and delivers those that wait, within `timeoutMs`; the first failure ends it. What is left is
   * counted as lost. Never rejects.
   */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * The body of a request. `alerts[].id` is unique and the same at every attempt, `Idempotency-Key` is the first one's, and a
 * request is never cut differently when it is tried again: a receiver that remembers either sees every alert once.
 */
export interface WebhookBody {
  readonly alerts: readonly (AlertJson & { readonly id: string })[];
  /** Alerts that this webhook has lost so far. */
  readonly lost: string;
}

/** http or https, without user and password (those belong in a header). INVALID_ARGUMENT, INVALID_SPEC about `field`. */
export function webhookUrl(text: string, field = "url"): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw WeirError.invalid("INVALID_SPEC", field, "expected an http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw WeirError.invalid("INVALID_SPEC", field, "expected no user or password in the URL");
  }
  return url;
}

/** Posts alerts as JSON, in order, one request at a time. */
export function createWebhook(options: WebhookOptions, parts: WebhookParts): Webhook {
  return new Sender(options, parts);
}

interface Waiting {
  readonly id: string;
  readonly alert: Alert;
}

/** delivered: 2xx. refused: the receiver will not take it, however often. failed: worth another attempt. */
type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs: number };

class Sender implements Webhook {
  readonly #options: WebhookOptions;
  readonly #parts: WebhookParts;
  readonly #random: () => number;
  readonly #instanceId: string;
  readonly #queue: Ring<Waiting>;
  readonly #watcher: Watcher;
  #inHand = 0;
  #sequence = 0;
  #lost = 0;
  #lostUntold = 0;
  #running: Promise<void> | undefined;
  #stopping = false;
  #stopWaiting: (() => void) | undefined;
  #abort: (() => void) | undefined;
  #outOfTime = false;

  constructor(options: WebhookOptions, parts: WebhookParts) {
    this.#options = options;
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#instanceId = parts.instanceId ?? randomUUID();
    this.#queue = new Ring(options.queueAlertsMax);
    this.#watcher = parts.alerts.watch(options.detectors, () => this.#take());
  }

  get waiting(): number {
    return this.#queue.size + this.#inHand;
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    this.#watcher.close();
    const cancel = this.#parts.clock.after(timeoutMs, () => {
      this.#outOfTime = true;
      this.#abort?.();
    });
    this.#stopWaiting?.();
    await this.#running;
    cancel();
    this.#dropQueue();
    this.#tellLost();
  }

  /** Runs inside publish: moves alerts from the watcher's queue to our own, longer one, and no more. */
  #take(): void {
    for (let next = this.#watcher.take(); next !== undefined; next = this.#watcher.take()) {
      this.#sequence++;
      const kept = this.#queue.push({
        id: `${this.#instanceId}-${this.#sequence}`,
        alert: next.alert,
      });
      if (!kept) this.#lose(1);
    }
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.size > 0 && !this.#outOfTime) {
      const batch = this.#cut();
      const delivered = await this.#deliver(batch);
      this.#inHand = 0;
      if (!delivered) this.#lose(batch.length);
      this.#tellLost();
      if (!delivered && this.#stopping) break;
    }
    this.#running = undefined;
  }

  #cut(): readonly Waiting[] {
    const batch: Waiting[] = [];
    while (batch.length < this.#options.batchAlertsMax) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      batch.push(next);
    }
    this.#inHand = batch.length;
    return batch;
  }

  /** True when the receiver has taken the batch. */
  async #deliver(batch: readonly Waiting[]): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(batch);
      if (outcome.kind === "delivered") return true;
      const last =
        outcome.kind === "refused" || attempt >= this.#options.attemptsMax || this.#stopping;
      this.#parts.logger.warn(
        { webhook: this.#options.url.origin, attempt, alerts: batch.length, why: outcome.why },
        last ? "webhook gave up on alerts" : "webhook failed, will try again",
      );
      if (last) return false;
      await this.#wait(backoffMs(attempt, outcome.retryAfterMs, this.#options, this.#random()));
    }
  }

  async #post(batch: readonly Waiting[]): Promise<Outcome> {
    const options = this.#options;
    const controller = new AbortController();
    const abort = (why: string): void => controller.abort(new Error(why));
    this.#abort = () => abort("the time to stop in is over");
    const cancel = this.#parts.clock.after(options.timeoutMs, () => {
      abort(`no answer within ${options.timeoutMs} ms`);
    });
    try {
      const response = await fetch(options.url, {
        method: "POST",
        headers: {
          ...options.headers,
          "content-type": "application/json",
          "idempotency-key": batch[0]?.id ?? "",
        },
        body: this.#body(batch),
        redirect: "manual",
        signal: controller.signal,
      });
      await response.body?.cancel();
      return judge(response, this.#parts.clock.unixMs());
    } catch (error) {
      return { kind: "failed", why: whyFetchFailed(error), retryAfterMs: 0 };
    } finally {
      cancel();
      this.#abort = undefined;
    }
  }

  #body(batch: readonly Waiting[]): string {
    const body: WebhookBody = {
      alerts: batch.map(({ id, alert }) => ({ id, ...alertJson(alert) })),
      lost: String(this.#lost),
    };
    return JSON.stringify(body);
  }

  /** Ends early when the webhook stops: then there is one more attempt, at once. */
  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(delayMs, resolve);
      this.#stopWaiting = () => {
        cancel();
        resolve();
      };
    });
    this.#stopWaiting = undefined;
  }

  #dropQueue(): void {
    const left = this.#queue.size;
    while (this.#queue.shift() !== undefined);
    if (left > 0) this.#lose(left);
  }

  #lose(alerts: number): void {
    this.#lost += alerts;
    this.#lostUntold += alerts;
    this.#parts.onLost(alerts);
  }

  /** One line a request at most, however many alerts were lost meanwhile. */
  #tellLost(): void {
    if (this.#lostUntold === 0) return;
    this.#parts.logger.error(
      { webhook: this.#options.url.origin, alerts: this.#lostUntold, lost: this.#lost },
      "webhook lost alerts",
    );
    this.#lostUntold = 0;
  }
}

/** `attempt` has failed: the wait before the next, ms. Between half and the whole of the exponential step. */
export function backoffMs(
  attempt: number,
  retryAfterMs: number,
  bounds: { readonly backoffMinMs: number; readonly backoffMaxMs: number },
  random: number,
): number {
  const step = Math.min(bounds.backoffMaxMs, bounds.backoffMinMs * 2 ** (attempt - 1));
  const asked = Math.min(bounds.backoffMaxMs, retryAfterMs);
  return Math.max(asked, step / 2 + (step / 2) * random);
}

function judge(response: Response, nowUnixMs: number): Outcome {
  if (response.ok) return { kind: "delivered" };
  const why = `HTTP ${response.status}`;
  const { status } = response;
  if (status < 500 && status !== 408 && status !== 429) return { kind: "refused", why };
  return {
    kind: "failed",
    why,
    retryAfterMs: retryAfter(response.headers.get("retry-after"), nowUnixMs),
  };
}

/** A Retry-After header (seconds, or a date) as ms from now; 0 = none. */
export function retryAfter(header: string | null, nowUnixMs: number): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowUnixMs);
}

function whyFetchFailed(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
