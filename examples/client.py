# pip install grpcio grpcio-tools. Start a server with `npm start`, then: python examples/client.py [HOST:PORT]
import math, os, sys
import grpc

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../proto"))
detectors, detector_stubs = grpc.protos_and_services("weir/v1/detectors.proto")
scoring, scoring_stubs = grpc.protos_and_services("weir/v1/scoring.proto")
channel = grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")

name = "card-payments-py"
trees = {"limits": {"amount": {"low": 0, "high": 1000}}}
spec = {"inputs": [{"name": "amount"}], "half_space_trees": trees}
detector_stubs.DetectorServiceStub(channel).CreateDetector(detectors.CreateDetectorRequest(name=name, spec=spec))

def requests():
    for id in range(1, 1001):
        amount = 900 if id == 1000 else 20 + 5 * math.sin(id)  # the last one is far off
        events = [{"key": "card-1", "numbers": {"amount": amount}}]
        request = {"detector": name, "timeout_ms": 1000, "events": events}  # answered within a second, in any case
        yield scoring.ScoreStreamRequest(request_id=id, request=request)

for answer in scoring_stubs.ScoringServiceStub(channel).ScoreStream(requests()):
    for verdict in answer.response.verdicts:
        if answer.request_id % 100 == 0:
            score = verdict.score if verdict.HasField("score") else "collecting"
            print(answer.request_id, score, "ANOMALY" if verdict.anomaly else "")
