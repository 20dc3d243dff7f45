import { describe, expect, test } from "vitest";
import {
  cardPayments,
  fraudPatterns,
  paymentInputs,
  type FraudPattern,
  type Payment,
} from "../../../src/demo/card-payments.ts";

const options = {
  seed: 3,
  cards: 12,
  paymentsPerCard: 300,
  episodesPerCard: 6,
  startUnixMs: Date.UTC(2026, 0, 5),
};
const payments = cardPayments(options);
const labelled = (pattern: FraudPattern): readonly Payment[] =>
  payments.filter(({ fraud }) => fraud === pattern);

describe("cardPayments", () => {
  test("the same options give the same payments, another seed gives others", () => {
    expect(cardPayments(options)).toEqual(payments);
    expect(cardPayments({ ...options, seed: 4 })).not.toEqual(payments);
  });

  test("payments come in the order of time, and each card has its own", () => {
    const times = payments.map(({ timeUnixMs }) => timeUnixMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(new Set(payments.map(({ card }) => card)).size).toBe(12);
  });

  test("every number that the detector is told is finite", () => {
    for (const { numbers } of payments) {
      expect(Object.keys(numbers)).toEqual([...paymentInputs]);
      for (const value of Object.values(numbers)) expect(value).toSatisfy(Number.isFinite);
    }
  });

  test("every pattern is there, and fraud is rare", () => {
    for (const pattern of fraudPatterns) expect(labelled(pattern).length).toBeGreaterThan(0);
    const frauds = payments.filter(({ fraud }) => fraud !== undefined).length;
    expect(frauds / payments.length).toBeLessThan(0.15);
  });

  test("no fraud before a card is known", () => {
    for (const card of new Set(payments.map((payment) => payment.card))) {
      const own = payments.filter((payment) => payment.card === card);
      const first = own.findIndex(({ fraud }) => fraud !== undefined);
      expect(first).toBeGreaterThan(120);
    }
  });
});

describe("patterns are as documented", () => {
  test("card testing: tiny, online, seconds apart", () => {
    for (const { amount, merchant } of labelled("card_testing")) {
      expect(amount).toBeLessThanOrEqual(2.5);
      expect(merchant).toBe("online");
    }
    const first = labelled("card_testing")[0];
    const second = payments.find(
      ({ card, timeUnixMs }) => card === first?.card && timeUnixMs > first.timeUnixMs,
    );
    expect((second?.timeUnixMs ?? 0) - (first?.timeUnixMs ?? 0)).toBeLessThanOrEqual(20_000);
  });

  test("amount spike: many times the usual", () => {
    const ratios = labelled("amount_spike").map(({ numbers }) => numbers.amount_ratio);
    expect(Math.min(...ratios)).toBeGreaterThan(Math.log(6));
  });

  test("impossible travel: too far, too soon", () => {
    for (const { numbers } of labelled("impossible_travel")) {
      expect(Math.expm1(numbers.km_from_home)).toBeGreaterThan(2999);
    }
    const fastest = Math.max(...labelled("impossible_travel").map(({ numbers }) => numbers.speed));
    expect(Math.expm1(fastest)).toBeGreaterThan(3000);
  });

  test("night cash-out: cash, at night", () => {
    for (const { merchant, numbers } of labelled("night_cash_out")) {
      expect(merchant).toBe("cash");
      expect(numbers.hour).toBeGreaterThanOrEqual(2);
      expect(numbers.hour).toBeLessThan(4.5);
    }
  });

  test("category shift: kinds of merchants that the card never used", () => {
    const shares = labelled("category_shift").map(({ numbers }) => numbers.kind_share);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.2);
  });
});
