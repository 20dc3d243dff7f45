import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { createAlerts, type AlertHub } from "../../../src/alerts/hub.ts";
import {
  backoffMs,
  createWebhook,
  retryAfter,
  webhookDefaults,
  webhookUrl,
  type Webhook,
  type WebhookBody,
  type WebhookOptions,
} from "../../../src/alerts/webhook.ts";
import { systemClock, type Clock } from "../../../src/domain/clock.ts";
import { webhookBody } from "../../../src/transport/http/schemas.ts";
import { listen } from "../../support/listen.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { anAlert } from "./an-alert.ts";

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly method: string | undefined;
  readonly body: WebhookBody;
}

interface Rig {
  readonly alerts: AlertHub;
  readonly webhook: Webhook;
  readonly received: Received[];
  readonly lost: () => number;
  readonly logged: string[];
}

const open: Server[] = [];
const webhooks: Webhook[] = [];

afterEach(async () => {
  for (const webhook of webhooks.splice(0)) await webhook.stop(0);
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Answer = (response: ServerResponse, attempt: number) => void;

function assertBody(body: unknown): asserts body is WebhookBody {
  expect(webhookBody.safeParse(body).error).toBeUndefined();
}

async function receiver(answer: Answer, received: Received[]): Promise<URL> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      assertBody(body);
      received.push({ headers: request.headers, method: request.method, body });
      answer(response, received.length);
    });
  });
  open.push(server);
  return new URL(`http://127.0.0.1:${await listen(server)}/hook?token=secret`);
}

async function rig(
  answer: Answer,
  options: Partial<WebhookOptions> = {},
  clock: Clock = systemClock,
): Promise<Rig> {
  const received: Received[] = [];
  const logged: string[] = [];
  const url = await receiver(answer, received);
  const alerts = createAlerts({ watchersMax: 4, watcherAlertsMax: 1024 });
  let lost = 0;
  const logger = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
  const webhook = createWebhook(
    { ...webhookDefaults, url, queueAlertsMax: 4096, backoffMinMs: 10, ...options },
    {
      alerts,
      clock,
      logger,
      onLost: (count) => {
        lost += count;
      },
      random: () => 0.5,
      instanceId: "test",
    },
  );
  webhooks.push(webhook);
  return { alerts, webhook, received, lost: () => lost, logged };
}

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(code, headers).end();
  };

const failing =
  (times: number, code: number): Answer =>
  (response, attempt) => {
    response.writeHead(attempt <= times ? code : 200).end();
  };

describe("createWebhook", () => {
  it("posts an alert as JSON with its id", async () => {
    const { alerts, webhook, received } = await rig(status(204), {
      headers: { authorization: "Bearer x" },
    });
    alerts.publish(anAlert({ key: "kö", rule: "big" }));
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received).toHaveLength(1);
    expect(received[0]?.method).toBe("POST");
    expect(received[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": "test-1",
      authorization: "Bearer x",
    });
    expect(received[0]?.body).toEqual({
      alerts: [
        {
          id: "test-1",
          detector: "cards",
          key: "kö",
          timeUnixMs: "1700000000123",
          verdict: {
            eventId: "event-1",
            score: 0.97,
            anomaly: true,
            source: "SOURCE_MODEL",
            state: "STATE_READY",
            rawScore: 0.97,
            modelVersion: 1,
            rule: "big",
            threshold: 0.9,
          },
        },
      ],
      lost: "0",
    });
  });

  it("gathers what waits into batches and keeps the order", async () => {
    const { alerts, webhook, received } = await rig(status(200), { batchAlertsMax: 4 });
    for (let i = 0; i < 10; i++) alerts.publish(anAlert({ key: String(i) }));
    await eventually(() => expect(webhook.waiting).toBe(0));
    const batches = received.map(({ body }) => body.alerts.map((alert) => alert.key).join(""));
    expect(batches).toEqual(["0123", "4567", "89"]);
  });

  it("posts only what its detectors found", async () => {
    const { alerts, webhook, received } = await rig(status(200), { detectors: ["b"] });
    alerts.publish(anAlert({ detector: "a" }));
    alerts.publish(anAlert({ detector: "b" }));
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received.map(({ body }) => body.alerts[0]?.detector)).toEqual(["b"]);
  });

  it.each([500, 503, 408, 429])("tries again after %i, with the same request", async (code) => {
    const { alerts, webhook, received, lost } = await rig(failing(2, code));
    alerts.publish(anAlert());
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received.map(({ headers }) => headers["idempotency-key"])).toEqual([
      "test-1",
      "test-1",
      "test-1",
    ]);
    expect(received[2]?.body).toEqual(received[0]?.body);
    expect(lost()).toBe(0);
  });

  it.each([400, 404, 410, 302])("does not try again after %i", async (code) => {
    const { alerts, webhook, received, lost, logged } = await rig(
      status(code, { location: "http://127.0.0.1:1/" }),
    );
    alerts.publish(anAlert());
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received).toHaveLength(1);
    expect(lost()).toBe(1);
    expect(logged.join("")).toContain(`HTTP ${code}`);
    expect(logged.join("")).toContain("webhook lost alerts");
    expect(logged.join("")).not.toContain("secret");
  });

  it("gives up after its attempts and goes on with the next", async () => {
    const { alerts, webhook, received, lost } = await rig(failing(3, 500), {
      attemptsMax: 3,
      batchAlertsMax: 1,
    });
    alerts.publish(anAlert({ key: "first" }));
    alerts.publish(anAlert({ key: "second" }));
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received.map(({ body }) => body.alerts[0]?.key)).toEqual([
      "first",
      "first",
      "first",
      "second",
    ]);
    expect(received[3]?.body.lost).toBe("1");
    expect(lost()).toBe(1);
  });

  it("waits longer after every failure, and as long as Retry-After asks", async () => {
    const clock = new ManualClock();
    const { alerts, received } = await rig(
      (response, attempt) => {
        response.writeHead(503, attempt === 3 ? { "retry-after": "7" } : {}).end();
      },
      { backoffMinMs: 1000 },
      clock,
    );
    alerts.publish(anAlert());
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      await eventually(() => {
        expect(received).toHaveLength(attempt);
        expect(clock.waiting).toHaveLength(1);
        expect(clock.waiting[0]).toBeLessThan(10_000);
      });
      waits.push(clock.waiting[0] ?? 0);
      clock.advance(waits[attempt - 1] ?? 0);
    }
    expect(waits).toEqual([750, 1500, 7000, 6000]);
  });

  it("tries again when nobody listens, and when the connection breaks", async () => {
    const { alerts, webhook, received, lost } = await rig((response, attempt) => {
      if (attempt === 1) response.destroy();
      else response.writeHead(200).end();
    });
    alerts.publish(anAlert());
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received).toHaveLength(2);
    expect(lost()).toBe(0);
  });

  it("gives a receiver that hangs no more than its time", async () => {
    const { alerts, webhook, received, logged } = await rig(
      (response, attempt) => {
        if (attempt > 1) response.writeHead(200).end();
      },
      { timeoutMs: 50 },
    );
    alerts.publish(anAlert());
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received).toHaveLength(2);
    expect(logged.join("")).toContain("no answer within 50 ms");
  });

  it("drops the oldest when a slow receiver lets the queue fill", async () => {
    let release: (() => void) | undefined;
    const answer: Answer = (response, attempt) => {
      if (attempt > 1) response.writeHead(200).end();
      else release = () => response.writeHead(200).end();
    };
    const { alerts, webhook, received, lost, logged } = await rig(answer, { queueAlertsMax: 3 });
    alerts.publish(anAlert({ key: "in flight" }));
    await eventually(() => expect(received).toHaveLength(1));
    for (let i = 0; i < 8; i++) alerts.publish(anAlert({ key: String(i) }));
    expect(lost()).toBe(5);
    expect(webhook.waiting).toBe(4);
    release?.();
    await eventually(() => expect(webhook.waiting).toBe(0));
    expect(received[1]?.body.alerts.map((alert) => alert.key)).toEqual(["5", "6", "7"]);
    expect(received[1]?.body.lost).toBe("5");
    expect(logged.filter((line) => line.includes("webhook lost alerts"))).toHaveLength(1);
  });

  it("delivers what waits when it stops", async () => {
    const { alerts, webhook, received, lost } = await rig(
      (response) => {
        setTimeout(() => response.writeHead(200).end(), 20);
      },
      { batchAlertsMax: 2 },
    );
    for (let i = 0; i < 6; i++) alerts.publish(anAlert({ key: String(i) }));
    await webhook.stop(5_000);
    expect(received.flatMap(({ body }) => body.alerts)).toHaveLength(6);
    expect(lost()).toBe(0);
    alerts.publish(anAlert());
    expect(webhook.waiting).toBe(0);
    expect(alerts.watchers).toBe(0);
  });

  it("stops within its time when the receiver hangs, and counts what is left", async () => {
    const { alerts, webhook, lost } = await rig(() => undefined, { batchAlertsMax: 1 });
    for (let i = 0; i < 5; i++) alerts.publish(anAlert());
    const started = performance.now();
    await webhook.stop(100);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(lost()).toBe(5);
    expect(webhook.waiting).toBe(0);
  });

  it("does not sit out a backoff when it stops: one more attempt, at once", async () => {
    const { alerts, webhook, received, lost } = await rig(failing(1, 503), {
      backoffMinMs: 60_000,
    });
    alerts.publish(anAlert());
    await eventually(() => expect(received).toHaveLength(1));
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    await webhook.stop(5_000);
    expect(received).toHaveLength(2);
    expect(lost()).toBe(0);
  });
});

describe("backoffMs", () => {
  const bounds = { backoffMinMs: 100, backoffMaxMs: 1_000 };

  it("doubles up to its bound, with jitter over the upper half", () => {
    expect([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, 0, bounds, 0))).toEqual([
      50, 100, 200, 400, 500, 500,
    ]);
    expect(backoffMs(2, 0, bounds, 0.999)).toBeCloseTo(200, 0);
  });

  it("is as long as the receiver asks, within its bound", () => {
    expect(backoffMs(1, 700, bounds, 0)).toBe(700);
    expect(backoffMs(1, 7_000_000, bounds, 0)).toBe(1_000);
  });
});

describe("retryAfter", () => {
  it("reads seconds and dates", () => {
    const now = Date.parse("2026-11-21T00:00:00Z");
    expect(retryAfter("3", now)).toBe(3_000);
    expect(retryAfter("Sat, 21 Nov 2026 00:00:05 GMT", now)).toBe(5_000);
    expect(retryAfter("Sat, 21 Nov 2020 00:00:05 GMT", now)).toBe(0);
    expect(retryAfter("soon", now)).toBe(0);
    expect(retryAfter(null, now)).toBe(0);
  });
});

describe("webhookUrl", () => {
  it("takes http and https", () => {
    expect(webhookUrl("https://example.org/hook?x=1").pathname).toBe("/hook");
  });

  it.each(["", "example.org", "ftp://example.org", "file:///etc/passwd", "http://u:p@example.org"])(
    "refuses %s",
    (text) => {
      expect(() => webhookUrl(text, "webhook.url")).toThrow("webhook.url");
    },
  );
});
