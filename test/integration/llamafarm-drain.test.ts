import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { sensor, startLlamaFarm } from "../support/llamafarm.ts";

it("a drain waits for requests that a first training holds, and scores the rest of them", async () => {
  const service = await startLlamaFarm();
  const { client } = service;
  const slow = {
    backend: "autoencoder",
    parameters: { hidden_neuron_list: [256, 256], epoch_num: 10_000 },
    min_samples: 500,
    window_size: 500,
  };
  const held = client.stream("held", sensor(600), slow);
  await sleep(200);
  expect((await client.stats("held")).status).toBe("collecting");
  const behind = client.stream("held", sensor(10, 2));
  await sleep(50);
  const stopped = service.stop();
  const { results, status } = await held;
  expect(status).not.toBe("collecting");
  expect(results.filter(({ score }) => score !== null)).toHaveLength(100);
  expect((await behind).results.filter(({ score }) => score !== null)).toHaveLength(10);
  await stopped;
});
