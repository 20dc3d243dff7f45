import type { DetectorSpec } from "../transport/grpc/generated/weir/v1/DetectorSpec.ts";
import type { Event } from "../transport/grpc/generated/weir/v1/Event.ts";
import { cardPayments, paymentInputs, type Payment } from "./card-payments.ts";
import { readShuttle } from "./shuttle.ts";

/** One part of the demo: a detector, and labelled events for it. */
export interface Act {
  readonly title: string;
  readonly about: string;
  readonly detector: string;
  readonly spec: DetectorSpec;
  readonly events: number;
  event(index: number): Event;
  /** What is labelled wrong with it; undefined = nothing. */
  label(index: number): string | undefined;
  /** One event in a few words. */
  describe(index: number): string;
  /** What a sample alert's event is called. */
  readonly eventHead: string;
}

/** Seconds of the demo depend on these; a slow machine takes 3,000 events a second. */
const cards = 80;
const paymentsPerCard = 1200;

/** Sensor readings of one machine: one model for all rows. */
export function shuttleAct(): Act {
  const { columns, values, labels } = readShuttle();
  const row = (index: number): Float64Array =>
    values.subarray(index * columns.length, (index + 1) * columns.length);
  const labelled = labels.reduce((sum, label) => sum + label, 0);
  return {
    title: "Shuttle sensors",
    about: `${count(labels.length)} readings of ${columns.length} sensors (UCI), ${labelled} labelled anomalous, one model`,
    detector: "shuttle",
    spec: {
      inputs: columns.map((name) => ({ name })),
      scaler: "SCALER_STANDARD",
      // The trees split where the data is: within three standard deviations.
      halfSpaceTrees: { limits: limits(columns, 3) },
      alertShare: 0.08,
      timeoutMs: 200,
    },
    events: labels.length,
    event: (index) => ({ values: [...row(index)] }),
    label: (index) => (labels[index] === 1 ? "anomalous" : undefined),
    describe: (index) => `row ${count(index)}: ${[...row(index)].join(" ")}`,
    eventHead: "reading",
  };
}

/** Card payments: a model a card. */
export function cardsAct(): Act {
  const payments = cardPayments({
    seed: 7,
    cards,
    paymentsPerCard,
    episodesPerCard: 5,
    startUnixMs: Date.UTC(2026, 0, 5),
  });
  const frauds = payments.filter(({ fraud }) => fraud !== undefined).length;
  const at = (index: number): Payment => {
    const payment = payments[index];
    if (payment === undefined) throw new RangeError(`no payment ${index}`);
    return payment;
  };
  return {
    title: "Card payments",
    about: `${count(payments.length)} payments of ${cards} cards (seeded generator), ${count(frauds)} fraudulent, a model a card`,
    detector: "card-payments",
    spec: {
      inputs: [
        ...paymentInputs.map((name) => ({ name })),
        { name: "merchant", type: "INPUT_TYPE_CATEGORY", rulesOnly: true },
      ],
      scaler: "SCALER_STANDARD",
      halfSpaceTrees: { limits: limits(paymentInputs, 8) },
      alertShare: 0.02,
      timeoutMs: 200,
      // Answers only when the model is not done within timeoutMs.
      rules: [
        {
          name: "large gambling payment",
          when: 'merchant == "gambling" && amount_ratio > 1.5',
          score: 0.99,
        },
      ],
    },
    events: payments.length,
    event(index) {
      const { card, timeUnixMs, numbers, merchant } = at(index);
      return { id: `payment-${index}`, key: card, timeUnixMs, numbers, categories: { merchant } };
    },
    label: (index) => at(index).fraud,
    describe(index) {
      const { card, timeUnixMs, amount, merchant, numbers } = at(index);
      const km = Math.round(Math.expm1(numbers.km_from_home));
      const time = new Date(timeUnixMs).toISOString().slice(11, 16);
      return `${time}  ${card}  EUR ${amount.toFixed(2)} ${merchant}${km > 100 ? `, ${count(km)} km away` : ""}`;
    },
    eventHead: "payment",
  };
}

function limits(
  names: readonly string[],
  deviations: number,
): Record<string, { low: number; high: number }> {
  return Object.fromEntries(names.map((name) => [name, { low: -deviations, high: deviations }]));
}

/** 12,345 */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
