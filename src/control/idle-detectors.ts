import type { Clock } from "../domain/clock.ts";
import { isWindowModel } from "../domain/detector.ts";
import type { Detector } from "../domain/detector.ts";
import type { Registry } from "./registry.ts";

export interface IdleDetectorsOptions {
  readonly registry: Pick<Registry, "list" | "status" | "remove">;
  /** 0 = nobody is ever removed. */
  readonly ttlMs: number;
  /** Names that stay, whatever happens. */
  readonly keep: ReadonlySet<string>;
  /** Shadows go with what they shadow. */
  readonly isShadow?: (detector: Detector) => boolean;
  readonly clock: Clock;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** When a detector was last seen to learn. */
interface Seen {
  readonly detector: Detector;
  readonly events: number;
  readonly at: number;
}

/**
 * Removes streaming detectors (one window of all rows) that have learned nothing for a time: LlamaFarm's clients make one with their
 * first point and need not remember to delete it.
 */
export class IdleDetectors {
  private readonly options: IdleDetectorsOptions;
  private readonly seen = new Map<string, Seen>();
  private cancel: (() => void) | undefined;

  constructor(options: IdleDetectorsOptions) {
    this.options = options;
    if (options.ttlMs > 0) this.wait();
  }

  close(): void {
    this.cancel?.();
  }

  private wait(): void {
    const { clock, ttlMs } = this.options;
    this.cancel = clock.after(Math.max(1000, ttlMs / 4), () => {
      this.wait();
      void this.sweep();
    });
  }

  private async sweep(): Promise<void> {
    const { registry, ttlMs, keep, clock, log, isShadow } = this.options;
    const now = clock.now();
    const streaming = registry.list().filter((detector) => {
      const { model } = detector.config;
      const isStreaming = isWindowModel(model) && model.scope === "detector";
      return isStreaming && !keep.has(detector.name) && isShadow?.(detector) !== true;
    });
    const names = new Set(streaming.map(({ name }) => name));
    for (const name of this.seen.keys()) if (!names.has(name)) this.seen.delete(name);
    for (const detector of streaming) {
      // While others were removed it may have been deleted, and another one made by its name.
      if (!registry.list().includes(detector)) continue;
      const { name } = detector;
      const { events } = registry.status(detector);
      const seen = this.seen.get(name);
      if (seen?.detector !== detector || seen.events !== events) {
        this.seen.set(name, { detector, events, at: now });
      } else if (now - seen.at >= ttlMs) {
        await registry.remove(name).then(
          () => log.info({ detector: name, ttlMs }, "an idle streaming detector was removed"),
          (error: unknown) => log.error({ err: error, detector: name }, "it could not be removed"),
        );
      }
    }
  }
}
