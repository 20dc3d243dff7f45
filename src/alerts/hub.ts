import { Code, WeirError } from "../domain/errors.ts";
import type { Alert, Alerts, Watcher } from "./alerts.ts";
import { Ring } from "./ring.ts";

/** Bounds of the hub. */
export interface AlertLimits {
  /** Watchers of all transports together. */
  readonly watchersMax: number;
  /** Alerts that wait for one watcher. */
  readonly watcherAlertsMax: number;
}

/** The process's alerts: one publisher side, many watchers. */
export interface AlertHub extends Alerts {
  /** Open at this moment. */
  readonly watchers: number;
}

/** When all watchers are taken, somebody has to leave first: seconds, not milliseconds. */
const retryAfterMs = 5_000;

class RingWatcher implements Watcher {
  readonly #detectors: ReadonlySet<string> | undefined;
  readonly #ring: Ring<Alert>;
  readonly #wake: () => void;
  readonly #leave: (watcher: RingWatcher) => void;
  #lost = 0;

  constructor(
    detectors: readonly string[],
    ring: Ring<Alert>,
    wake: () => void,
    leave: (watcher: RingWatcher) => void,
  ) {
    this.#detectors = detectors.length === 0 ? undefined : new Set(detectors);
    this.#ring = ring;
    this.#wake = wake;
    this.#leave = leave;
  }

  /** True when an older alert was lost to make room. */
  offer(alert: Alert): boolean {
    if (this.#detectors !== undefined && !this.#detectors.has(alert.detector)) return false;
    const wasEmpty = this.#ring.size === 0;
    const dropped = !this.#ring.push(alert);
    if (dropped) this.#lost++;
    if (wasEmpty) this.#wakeReader();
    return dropped;
  }

  take(): { readonly alert: Alert; readonly lost: number } | undefined {
    const alert = this.#ring.shift();
    return alert === undefined ? undefined : { alert, lost: this.#lost };
  }

  close(): void {
    this.#leave(this);
  }

  /** A reader that cannot even be woken is gone: it must not take the scoring path with it. */
  #wakeReader(): void {
    try {
      this.#wake();
    } catch {
      this.close();
    }
  }
}

/**
 * Alerts fan out to bounded queues, one a watcher. `onLost` hears how many alerts were dropped because a reader did not keep
 * up, each time it happens. `wake` runs inside `publish`, so a reader defers its work; one that throws is closed.
 */
export function createAlerts(
  limits: AlertLimits,
  onLost: (alerts: number) => void = () => undefined,
): AlertHub {
  const watchers = new Set<RingWatcher>();
  const leave = (watcher: RingWatcher): void => {
    watchers.delete(watcher);
  };
  return {
    get watchers() {
      return watchers.size;
    },
    publish(alert) {
      let lost = 0;
      for (const watcher of watchers) if (watcher.offer(alert)) lost++;
      if (lost > 0) onLost(lost);
    },
    watch(detectors, wake) {
      if (watchers.size >= limits.watchersMax) {
        throw new WeirError(
          Code.RESOURCE_EXHAUSTED,
          "TOO_MANY_WATCHERS",
          `at most ${limits.watchersMax} watchers of alerts at a time`,
          { retryAfterMs },
        );
      }
      const ring = new Ring<Alert>(limits.watcherAlertsMax);
      const watcher = new RingWatcher(detectors, ring, wake, leave);
      watchers.add(watcher);
      return watcher;
    },
  };
}
