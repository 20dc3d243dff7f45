import type { CallContext, Ticket } from "../../src/admission/scorer.ts";
import type { WeirError } from "../../src/domain/errors.ts";
import type {
  FeatureReader,
  FeatureReply,
  FeatureRequest,
  FeatureValues,
} from "../../src/serving/features.ts";

/** A request that FakeFeatures admitted. */
export interface AdmittedRead {
  readonly request: FeatureRequest;
  readonly call: CallContext;
  cancelled: boolean;
  answer(): void;
  fail(error: WeirError): void;
}

/** Admits everything, or refuses with what `refuse` gives; answers with `featuresOf` at once, or when told while `holding`. */
export class FakeFeatures implements FeatureReader {
  readonly admitted: AdmittedRead[] = [];
  holding = false;
  refuse: (request: FeatureRequest) => WeirError | undefined = () => undefined;

  read(request: FeatureRequest, call: CallContext, reply: FeatureReply): Ticket {
    const refusal = this.refuse(request);
    if (refusal !== undefined) throw refusal;
    const admitted: AdmittedRead = {
      request,
      call,
      cancelled: false,
      answer: () => reply.answer(featuresOf(request)),
      fail: (error) => reply.fail(error),
    };
    this.admitted.push(admitted);
    if (!this.holding) admitted.answer();
    return {
      cancel: () => {
        admitted.cancelled = true;
      },
    };
  }
}

/** Two features, or those that are asked for: feature j of key i is i + j / 8, and took its default where both are odd. Key 0 is unknown. */
export function featuresOf(request: FeatureRequest): FeatureValues {
  const names = request.features.length === 0 ? ["count", "mean"] : request.features;
  const { keys } = request;
  const cell = (i: number): readonly [key: number, name: number] => [
    Math.floor(i / names.length),
    i % names.length,
  ];
  return {
    names,
    keys,
    timeUnixMs: request.timeUnixMs === 0 ? 1_700_000_000_000 : request.timeUnixMs,
    values: Float64Array.from({ length: keys.length * names.length }, (_, i) => {
      const [key, name] = cell(i);
      return key + name / 8;
    }),
    defaulted: Uint8Array.from({ length: keys.length * names.length }, (_, i) => {
      const [key, name] = cell(i);
      return key & name & 1;
    }),
    known: Uint8Array.from(keys, (_, i) => (i === 0 ? 0 : 1)),
    exact: Uint8Array.from(keys, (_, i) => i & 1),
    covered: Uint8Array.from(keys, () => 1),
  };
}
