# pip install grpcio grpcio-tools. Start a server with `npm start`, then: python examples/get_features.py [HOST:PORT]
import os, sys, time
import grpc

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../proto"))
detectors, detector_stubs = grpc.protos_and_services("weir/v1/detectors.proto")
scoring, scoring_stubs = grpc.protos_and_services("weir/v1/scoring.proto")
features, feature_stubs = grpc.protos_and_services("weir/v1/features.proto")
channel = grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")

name = "card-features-py"
spec = {
    "inputs": [{"name": "amount"}, {"name": "merchant", "type": "INPUT_TYPE_CATEGORY", "rules_only": True}],
    "features": [
        {"name": "payments_1h", "aggregate": "AGGREGATE_COUNT", "window": {"sliding": "1h"}},
        {"name": "mean_30d", "of": "amount", "aggregate": "AGGREGATE_MEAN", "window": {"sliding": "30d"}, "default_value": 0},
        {"name": "merchants_1d", "of": "merchant", "aggregate": "AGGREGATE_DISTINCT", "window": {"sliding": "1d"}},
    ],
}
detector_stubs.DetectorServiceStub(channel).CreateDetector(detectors.CreateDetectorRequest(name=name, spec=spec))

now = int(time.time() * 1000)
events = [
    # One payment every 20 minutes, the last one just now.
    {"key": "card-1", "time_unix_ms": now - (9 - i) * 20 * 60_000, "numbers": {"amount": 10 + i}, "categories": {"merchant": f"m{i % 4}"}}
    for i in range(10)
]
scoring_stubs.ScoringServiceStub(channel).Score(scoring.ScoreRequest(detector=name, events=events))

reader = feature_stubs.FeatureServiceStub(channel)
for title, at in [("now", 0), ("an hour ago", now - 3_600_000)]:
    answer = reader.GetFeatures(features.GetFeaturesRequest(detector=name, keys=["card-1", "card-2"], time_unix_ms=at))
    for key in answer.keys:
        values = ", ".join(f"{name} {value:g}" for name, value in zip(answer.features, key.values))
        print(f"{title}: {key.key}{'' if key.known else ' (unknown)'}: {values}")
