/**
 * Models train behind the stream. Where months of events pass in seconds, this waits for a detector's next model as long as real events would give it.
 * `detectors` is a client of DetectorService.
 */
export async function trained(detectors: any, name: string): Promise<void> {
  for (;;) {
    const { state, rowsUntilReady } = await new Promise<any>((done, failed) =>
      detectors.getDetector({ name }, (error: Error | null, answer: any) =>
        error ? failed(error) : done(answer.detector.status.training),
      ),
    );
    const isDue = state === COLLECTING ? rowsUntilReady === 0 : state === RETRAINING;
    if (!isDue) return;
    await new Promise((done) => setTimeout(done, 5));
  }
}

const COLLECTING = 1;
const RETRAINING = 4;
