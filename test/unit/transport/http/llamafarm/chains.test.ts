import { expect, it } from "vitest";
import { limits } from "../../../../../src/config/limits.ts";
import { Chains } from "../../../../../src/transport/http/llamafarm/chains.ts";

it("does work of one name in order, and of several names side by side", async () => {
  const chains = new Chains();
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const work = (name: string) => () => Promise.resolve(order.push(name));
  const held = chains.run("a", () => first.promise);
  const second = chains.run("a", work("a2"));
  const other = chains.run("b", work("b1"));
  await other;
  expect(order).toEqual(["b1"]);
  expect([chains.busy("a"), chains.busy("b")]).toEqual([true, false]);
  first.resolve();
  await Promise.all([held, second]);
  expect(order).toEqual(["b1", "a2"]);
  expect(chains.busy("a")).toBe(false);
});

it("goes on after work that failed", async () => {
  const chains = new Chains();
  const failed = chains.run("a", () => Promise.reject(new Error("no")));
  const next = chains.run("a", () => Promise.resolve(1));
  await expect(failed).rejects.toThrow("no");
  expect(await next).toBe(1);
});

it("refuses what waits for too much", async () => {
  const chains = new Chains();
  const first = Promise.withResolvers<void>();
  const held = Array.from({ length: limits.llamafarmQueueMax }, () =>
    chains.run("a", () => first.promise),
  );
  const refused = chains.run("a", () => Promise.resolve());
  await expect(refused).rejects.toMatchObject({ reason: "QUEUE_FULL", retryAfterMs: 1000 });
  await chains.run("b", () => Promise.resolve());
  first.resolve();
  await Promise.all(held);
  await chains.run("a", () => Promise.resolve());
});

it("refuses what holds too many bytes together, but nothing that is alone or holds none", async () => {
  const chains = new Chains();
  const first = Promise.withResolvers<void>();
  const wait = () => first.promise;
  const most = limits.llamafarmQueueBytesMax;
  const held = chains.run("a", wait, most + 1);
  await expect(chains.run("b", wait, 1)).rejects.toMatchObject({ reason: "QUEUE_FULL" });
  first.resolve();
  await held;
  const second = Promise.withResolvers<void>();
  const full = ["a", "b"].map((name) => chains.run(name, () => second.promise, most / 2));
  await expect(chains.run("c", wait, 1)).rejects.toMatchObject({ reason: "QUEUE_FULL" });
  expect(chains.busy("c")).toBe(false);
  const without = chains.run("a", wait);
  second.resolve();
  await Promise.all([...full, without]);
  await chains.run("c", wait, most);
});
