import type { CallContext, Ticket } from "../admission/scorer.ts";
import type { WeirError } from "../domain/errors.ts";

/** A request for the features of keys, as a transport decoded it; nothing is validated yet. */
export interface FeatureRequest {
  readonly detector: string;
  readonly keys: readonly string[];
  /** As of, Unix ms; 0 = arrival. */
  readonly timeUnixMs: number;
  /** Names; [] = all. */
  readonly features: readonly string[];
}

/** The features of keys as of one time. */
export interface FeatureValues {
  readonly names: readonly string[];
  readonly keys: readonly string[];
  readonly timeUnixMs: number;
  /** keys x names, row-major. Finite. */
  readonly values: Float64Array;
  /** keys x names: 1 = the feature took its default. */
  readonly defaulted: Uint8Array;
  /** A key each, 0 or 1: as the contract's KeyFeatures. */
  readonly known: Uint8Array;
  readonly exact: Uint8Array;
  readonly covered: Uint8Array;
}

/** Called exactly once for an admitted request, never for a refused one. */
export interface FeatureReply {
  answer(features: FeatureValues): void;
  /** After admission: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, FAILED_PRECONDITION when the detector was deleted, INTERNAL. */
  fail(error: WeirError): void;
}

/** Reads features of keys out of the shards, behind all rows that were admitted before. Changes nothing. */
export interface FeatureReader {
  /** Admits the request whole, or throws a WeirError. May reply before it returns. */
  read(request: FeatureRequest, call: CallContext, reply: FeatureReply): Ticket;
}
