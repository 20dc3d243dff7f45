/** What a browser at `/` sees: where things are. `host` is the request's own Host header. */
export function indexPage(host: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weir</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
  h1 { margin-bottom: 0; }
  dt { margin-top: 0.75rem; }
  dd { margin: 0; opacity: 0.75; }
  code, pre { font: 0.875rem/1.5 ui-monospace, monospace; }
  pre { padding: 0.75rem 1rem; overflow-x: auto; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; }
</style>
</head>
<body>
<h1>Weir</h1>
<p>Events in, anomaly scores out, an answer within every deadline.</p>
<dl>
  <dt><a href="/openapi.json"><code>/openapi.json</code></a></dt><dd>everything that HTTP takes and answers</dd>
  <dt><a href="/v1/detectors"><code>/v1/detectors</code></a></dt><dd>detectors: what they watch and how far they are</dd>
  <dt><a href="/v1/stats"><code>/v1/stats</code></a></dt><dd>latencies and counts of the last minute</dd>
  <dt><a href="/v1/alerts"><code>/v1/alerts</code></a></dt><dd>anomalies as they are found (server-sent events)</dd>
  <dt><a href="/metrics"><code>/metrics</code></a></dt><dd>for Prometheus</dd>
  <dt><a href="/healthz"><code>/healthz</code></a>, <a href="/readyz"><code>/readyz</code></a></dt><dd>alive, and taking work</dd>
</dl>
<h2>Try it</h2>
<pre>curl -X PUT ${escaped(host)}/v1/detectors/cards \\
  -H 'content-type: application/json' \\
  -d '{"inputs": [{"name": "amount"}, {"name": "hour"}], "scaler": "standard"}'

curl ${escaped(host)}/v1/detectors/cards/score \\
  -H 'content-type: application/json' \\
  -d '{"events": [{"key": "card-1", "numbers": {"amount": 12.5, "hour": 14}}]}'</pre>
</body>
</html>
`;
}

/** The caller chose its Host header, and nobody else sees the page; still, markup stays markup. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
