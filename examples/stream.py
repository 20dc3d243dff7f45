# LlamaFarm's streaming API; nothing to install. Start a server with `npm start`, then: python examples/stream.py [HOST:PORT]
import json, math, sys
from urllib.request import Request, urlopen

server = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:14345"
options = {"model": "sensor-py", "backend": "ecod", "min_samples": 50, "contamination": 0.01}

def stream(point):
    body = json.dumps({**options, "data": point}).encode()
    headers = {"content-type": "application/json"}
    return json.load(urlopen(Request(f"http://{server}/v1/ml/anomaly/stream", body, headers)))

for i in range(1, 201):
    spike = i == 200  # the last one is far off
    answer = stream({"temperature": 150 if spike else 72 + math.sin(i), "humidity": 5 if spike else 45 + math.cos(1.7 * i)})
    result = answer["results"][0]
    if i % 20 == 0:
        score = "collecting" if result["score"] is None else round(result["score"], 3)
        print(i, answer["status"], score, "ANOMALY" if result["is_anomaly"] else "")
