// LlamaFarm's streaming API; nothing to install. Start a server with `npm start`, then: npx node examples/stream.ts [HOST:PORT]
const server = process.argv[2] ?? "127.0.0.1:14345";
const options = { model: "sensor-ts", backend: "ecod", min_samples: 50, contamination: 0.01 };

async function stream(data: object): Promise<any> {
  const response = await fetch(`http://${server}/v1/ml/anomaly/stream`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...options, data }),
  });
  if (!response.ok) throw new Error(await response.text());
  return await response.json();
}

for (let i = 1; i <= 200; i++) {
  const spike = i === 200; // the last one is far off
  const temperature = spike ? 150 : 72 + Math.sin(i);
  const humidity = spike ? 5 : 45 + Math.cos(1.7 * i);
  const { status, results } = await stream({ temperature, humidity });
  const [{ score, is_anomaly }] = results;
  if (i % 20 !== 0) continue;
  console.log(i, status, score?.toFixed(3) ?? "collecting", is_anomaly ? "ANOMALY" : "");
}
