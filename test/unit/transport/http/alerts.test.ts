import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../../../support/eventually.ts";
import type { Alert } from "../../../../src/alerts/alerts.ts";
import { alertEvent } from "../../../../src/transport/http/schemas.ts";
import { startHttp, type HttpRig } from "../../../support/http-rig.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { anAlert } from "../../alerts/an-alert.ts";

const rigs: HttpRig[] = [];

async function start(...changes: Parameters<typeof startHttp>): Promise<HttpRig> {
  const rig = await startHttp(...changes);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const { http } of rigs.splice(0)) await http.close();
});

/** Reads a stream of server-sent events as it comes. */
class Reader {
  text = "";
  ended = false;
  readonly response: Response;
  readonly done: Promise<void>;

  constructor(response: Response) {
    this.response = response;
    this.done = this.#read();
  }

  get events() {
    return Array.from(this.text.matchAll(/event: alert\ndata: ([^\n]*)\n\n/g), ([, data]) =>
      alertEvent.parse(JSON.parse(data ?? "")),
    );
  }

  async #read(): Promise<void> {
    const body = this.response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const chunk = await body?.read();
      if (chunk?.value === undefined) break;
      this.text += chunk.value;
    }
    this.ended = true;
  }
}

async function watch(rig: HttpRig, query = ""): Promise<Reader> {
  const watchers = rig.alerts.watchers;
  const reader = new Reader(await fetch(`${rig.url}/v1/alerts${query}`));
  await eventually(() => expect(rig.alerts.watchers).toBe(watchers + 1));
  return reader;
}

function large(i: number): Alert {
  return anAlert({ key: String(i), eventId: "x".repeat(2_000) });
}

describe("alerts over HTTP", () => {
  it("sends alerts as they are found", async () => {
    const rig = await start();
    const reader = await watch(rig);
    expect(reader.response.status).toBe(200);
    expect(reader.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(reader.response.headers.get("cache-control")).toBe("no-store");
    rig.alerts.publish(anAlert({ key: "line\nbreak\u2028", rule: "large" }));
    rig.alerts.publish(anAlert({ key: "b" }));
    await eventually(() => expect(reader.events).toHaveLength(2));
    expect(reader.events[0]).toEqual({
      detector: "cards",
      key: "line\nbreak\u2028",
      timeUnixMs: "1700000000123",
      verdict: {
        eventId: "event-1",
        score: 0.97,
        anomaly: true,
        source: "SOURCE_MODEL",
        state: "STATE_READY",
        rawScore: 0.97,
        modelVersion: 1,
        rule: "large",
        threshold: 0.9,
      },
      lost: "0",
    });
    expect(reader.events[1]?.key).toBe("b");
  });

  it("filters by detector, which may be repeated", async () => {
    const rig = await start();
    const one = await watch(rig, "?detector=a");
    const two = await watch(rig, "?detector=a&detector=b%20c");
    for (const detector of ["x", "a", "b c"]) rig.alerts.publish(anAlert({ detector }));
    await eventually(() => expect(two.events).toHaveLength(2));
    expect(two.events.map(({ detector }) => detector)).toEqual(["a", "b c"]);
    await eventually(() => expect(one.events.map(({ detector }) => detector)).toEqual(["a"]));
  });

  it("keeps the connection alive", async () => {
    const clock = new ManualClock();
    const rig = await start({ clock });
    const reader = await watch(rig);
    clock.advance(14_999);
    clock.advance(1);
    clock.advance(15_000);
    await eventually(() => expect(reader.text.match(/^: still here$/gm)).toHaveLength(2));
  });

  it("loses the oldest for a reader that stalls, tells it, and nobody else", async () => {
    const rig = await start({ watcherAlertsMax: 8 });
    const fast = await watch(rig);
    const slow = connect(rig.port, "127.0.0.1");
    slow.pause();
    slow.write("GET /v1/alerts HTTP/1.1\r\nhost: x\r\n\r\n");
    await eventually(() => expect(rig.alerts.watchers).toBe(2));
    const count = 10_000;
    for (let i = 0; i < count; i++) {
      rig.alerts.publish(large(i));
      if (i % 4 === 0) await new Promise((resolve) => void setImmediate(resolve));
      if (i % 64 === 0)
        await eventually(() => expect(fast.text).toContain(`"key":"${i - 64 < 0 ? 0 : i - 64}"`));
    }
    let received = "";
    slow.on("data", (chunk) => {
      received += chunk.toString();
    });
    slow.resume();
    await eventually(() => expect(received).toContain(`"key":"${count - 1}"`));
    const lost = Number(
      /"lost":"(\d+)"}\n\n(\r\n)?$/.exec(
        received.slice(-200).replaceAll(/\r\n[0-9a-f]+\r\n/g, ""),
      )?.[1],
    );
    const read = received.match(/event: alert/g)?.length ?? 0;
    expect(lost).toBeGreaterThan(0);
    expect(read + lost).toBe(count);
    await eventually(() => expect(fast.text).toContain(`"key":"${count - 1}"`));
    expect(fast.events.at(-1)?.lost).toBe("0");
    slow.destroy();
  });

  it("frees its watcher when the reader leaves", async () => {
    const rig = await start();
    const gone = new AbortController();
    await fetch(`${rig.url}/v1/alerts`, { signal: gone.signal });
    expect(rig.alerts.watchers).toBe(1);
    gone.abort();
    await eventually(() => expect(rig.alerts.watchers).toBe(0));
  });

  it("sends what was found and ends when the server drains", async () => {
    const rig = await start();
    const reader = await watch(rig);
    rig.alerts.publish(anAlert({ key: "last" }));
    await expect(rig.http.drain(5_000)).resolves.toBe(true);
    await reader.done;
    expect(reader.ended).toBe(true);
    expect(reader.events.map(({ key }) => key)).toEqual(["last"]);
    expect(rig.alerts.watchers).toBe(0);
  });

  it("refuses too many watchers and strange queries with problem details", async () => {
    const rig = await start();
    const readers = [];
    for (let i = 0; i < 256; i++) readers.push(rig.alerts.watch([], () => undefined));
    const full = await fetch(`${rig.url}/v1/alerts`);
    expect(full.status).toBe(429);
    expect(await full.json()).toMatchObject({ reason: "TOO_MANY_WATCHERS" });
    for (const query of ["?detectors=a", `?${"detector=a&".repeat(65)}`]) {
      expect((await fetch(`${rig.url}/v1/alerts${query}`)).status).toBe(400);
    }
    expect(readers).toHaveLength(256);
  });
});
