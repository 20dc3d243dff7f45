import { Random } from "./random.ts";

/**
 * Made-up card payments with fraud whose patterns are known.
 *
 * Every card has habits of its own: how much it spends, when it is awake, how far from home it shops, which merchants it likes. Fraud
 * is put in afterwards, in five patterns, each a short episode on one card:
 *
 * - `card_testing`: 6 to 12 online payments of 0.50 to 2.50, seconds apart: a thief tries whether the card works.
 * - `amount_spike`: one payment of 12 to 30 times what the card usually spends, otherwise ordinary.
 * - `impossible_travel`: one or two payments 3,000 to 9,000 km away, less than an hour after one at home.
 * - `night_cash_out`: 2 to 4 cash withdrawals of 3 to 6 times the usual amount between 2 and 4 at night, minutes apart.
 * - `category_shift`: 3 to 5 payments within minutes at kinds of merchants that the card never uses, at 4 to 8 times the usual amount.
 *
 * The generator is seeded: the same options give the same payments, byte for byte.
 */

export const fraudPatterns = [
  "card_testing",
  "amount_spike",
  "impossible_travel",
  "night_cash_out",
  "category_shift",
] as const;
export type FraudPattern = (typeof fraudPatterns)[number];

/** Kinds of merchants. */
export const merchantKinds = [
  "grocery",
  "restaurant",
  "transport",
  "fuel",
  "online",
  "clothing",
  "pharmacy",
  "cash",
  "electronics",
  "travel",
  "jewellery",
  "gambling",
] as const;
type MerchantKind = (typeof merchantKinds)[number];

/** What a detector is told of a payment, besides the kind of merchant; the order of its inputs. */
export const paymentInputs = [
  "amount", // natural logarithm of 1 + the amount in EUR
  "amount_ratio", // natural logarithm of the amount over the median of the card's last 50
  "hour", // of the day where the card lives, 0..24
  "gap", // natural logarithm of 1 + seconds since the card's last payment
  "km_from_home", // natural logarithm of 1 + kilometres
  "speed", // natural logarithm of 1 + km/h between the last payment's place and this one's
  "kind_share", // share of the card's last 50 payments at this kind of merchant, 0..1
] as const;
export type PaymentInput = (typeof paymentInputs)[number];

export interface Payment {
  readonly card: string;
  /** Unix ms. */
  readonly timeUnixMs: number;
  /** EUR. */
  readonly amount: number;
  readonly merchant: MerchantKind;
  readonly numbers: Readonly<Record<PaymentInput, number>>;
  /** The label; undefined = an honest payment. */
  readonly fraud: FraudPattern | undefined;
}

export interface CardPaymentOptions {
  readonly seed: number;
  readonly cards: number;
  /** Honest payments of each card. */
  readonly paymentsPerCard: number;
  /** Fraud episodes of each card, all after its first 60 %: a model has to know the card first. */
  readonly episodesPerCard: number;
  /** Midnight at which the first day starts, Unix ms. */
  readonly startUnixMs: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A payment before it is known what came before it. */
interface Draft {
  readonly timeUnixMs: number;
  readonly amount: number;
  readonly merchant: MerchantKind;
  readonly km: number;
  readonly fraud: FraudPattern | undefined;
}

/** The habits of one card. */
interface Habits {
  /** EUR, the median. */
  readonly usualAmount: number;
  readonly amountSpread: number;
  readonly paymentsPerDay: number;
  /** Hour around which the card's day is centred. */
  readonly middleHour: number;
  readonly usualKm: number;
  /** By merchant kind; 0 = never. */
  readonly weights: readonly number[];
}

/** All payments of all cards in the order of time. */
export function cardPayments(options: CardPaymentOptions): readonly Payment[] {
  const payments: Payment[] = [];
  for (let card = 0; card < options.cards; card++) {
    const random = new Random(options.seed * 1_000_003 + card);
    const name = `card-${String(card + 1).padStart(4, "0")}`;
    payments.push(...withHistory(name, draftsOf(random, options)));
  }
  return payments.toSorted(
    (a, b) => a.timeUnixMs - b.timeUnixMs || (a.card < b.card ? -1 : a.card > b.card ? 1 : 0),
  );
}

function habitsOf(random: Random): Habits {
  const weights = merchantKinds.map(() => 0);
  // The last four are rare in real life too; no card here uses more than one of them.
  for (let kind = 0; kind < 8; kind++) weights[kind] = random.between(0.3, 2);
  if (random.uniform() < 0.3) weights[random.whole(8, 11)] = 0.3;
  return {
    usualAmount: Math.exp(random.between(2.3, 4)),
    amountSpread: random.between(0.35, 0.6),
    paymentsPerDay: random.between(3, 8),
    middleHour: random.between(12, 17),
    usualKm: random.between(2, 12),
    weights,
  };
}

function draftsOf(random: Random, options: CardPaymentOptions): readonly Draft[] {
  const habits = habitsOf(random);
  const drafts: Draft[] = [];
  for (let day = 0; drafts.length < options.paymentsPerCard; day++) {
    const midnight = options.startUnixMs + day * dayMs;
    const count = Math.min(
      options.paymentsPerCard - drafts.length,
      Math.round(habits.paymentsPerDay + random.normal()),
    );
    for (let i = 0; i < count; i++) drafts.push(honest(random, habits, midnight));
  }
  const lastDay = (drafts.at(-1)?.timeUnixMs ?? options.startUnixMs) - options.startUnixMs;
  for (let episode = 0; episode < options.episodesPerCard; episode++) {
    const pattern = fraudPatterns[random.whole(0, fraudPatterns.length - 1)] ?? "amount_spike";
    const day = Math.floor((lastDay * random.between(0.6, 1)) / dayMs);
    drafts.push(...fraud[pattern](random, habits, options.startUnixMs + day * dayMs));
  }
  return drafts.toSorted((a, b) => a.timeUnixMs - b.timeUnixMs);
}

function honest(random: Random, habits: Habits, midnight: number): Draft {
  const hour = Math.min(23.9, Math.max(6, habits.middleHour + 3 * random.normal()));
  const merchant = merchantKinds[random.weighted(habits.weights)] ?? "grocery";
  return {
    timeUnixMs: Math.round(midnight + hour * hourMs),
    amount: cents(habits.usualAmount * Math.exp(habits.amountSpread * random.normal())),
    merchant,
    km: merchant === "online" ? 0 : random.exponential(habits.usualKm),
    fraud: undefined,
  };
}

type Episode = (random: Random, habits: Habits, midnight: number) => readonly Draft[];

const fraud: Readonly<Record<FraudPattern, Episode>> = {
  card_testing(random, _habits, midnight) {
    const start = midnight + random.between(9, 22) * hourMs;
    return series(random, { count: random.whole(6, 12), start, gapMs: [4000, 20_000] }, (time) => ({
      timeUnixMs: time,
      amount: cents(random.between(0.5, 2.5)),
      merchant: "online",
      km: 0,
      fraud: "card_testing",
    }));
  },
  amount_spike(random, habits, midnight) {
    const amount = cents(habits.usualAmount * random.between(12, 30));
    return [{ ...honest(random, habits, midnight), amount, fraud: "amount_spike" }];
  },
  impossible_travel(random, habits, midnight) {
    const home = honest(random, habits, midnight);
    const start = home.timeUnixMs + random.between(10, 50) * 60_000;
    const km = random.between(3000, 9000);
    const away = { count: random.whole(1, 2), start, gapMs: [120_000, 900_000] } as const;
    const abroad = series(random, away, (time) => ({
      timeUnixMs: time,
      amount: cents(habits.usualAmount * random.between(1, 4)),
      merchant: random.uniform() < 0.5 ? "clothing" : "restaurant",
      km: km + random.between(0, 20),
      fraud: "impossible_travel",
    }));
    return [{ ...home, merchant: "grocery", km: random.exponential(habits.usualKm) }, ...abroad];
  },
  night_cash_out(random, habits, midnight) {
    const start = midnight + random.between(2, 4) * hourMs;
    const times = { count: random.whole(2, 4), start, gapMs: [60_000, 240_000] } as const;
    return series(random, times, (time) => ({
      timeUnixMs: time,
      amount: Math.ceil((habits.usualAmount * random.between(3, 6)) / 10) * 10,
      merchant: "cash",
      km: random.exponential(habits.usualKm),
      fraud: "night_cash_out",
    }));
  },
  category_shift(random, habits, midnight) {
    const start = midnight + random.between(10, 21) * hourMs;
    const strange = merchantKinds.filter((_, kind) => kind >= 8 && habits.weights[kind] === 0);
    const times = { count: random.whole(3, 5), start, gapMs: [120_000, 600_000] } as const;
    return series(random, times, (time) => ({
      timeUnixMs: time,
      amount: cents(habits.usualAmount * random.between(4, 8)),
      merchant: strange[random.whole(0, strange.length - 1)] ?? "gambling",
      km: random.exponential(habits.usualKm * 2),
      fraud: "category_shift",
    }));
  },
};

function series(
  random: Random,
  times: {
    readonly count: number;
    readonly start: number;
    readonly gapMs: readonly [low: number, high: number];
  },
  make: (timeUnixMs: number) => Draft,
): readonly Draft[] {
  let at = times.start;
  return Array.from({ length: times.count }, () => {
    at += random.between(...times.gapMs);
    return make(Math.round(at));
  });
}

function cents(amount: number): number {
  return Math.max(0.5, Math.round(amount * 100) / 100);
}

/** Payments of a card that its features look back on. */
const historyLength = 50;

function median(values: readonly number[], whenEmpty: number): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? whenEmpty;
}

/** Adds what can only be said of a payment when the ones before it are known. `drafts` is in the order of time. */
function withHistory(card: string, drafts: readonly Draft[]): readonly Payment[] {
  const recent: MerchantKind[] = [];
  const amounts: number[] = [];
  let last: Draft | undefined;
  return drafts.map((draft) => {
    const gapS = last === undefined ? 86_400 : (draft.timeUnixMs - last.timeUnixMs) / 1000;
    const movedKm = Math.abs(draft.km - (last?.km ?? draft.km));
    const sameKind = recent.filter((kind) => kind === draft.merchant).length;
    const numbers = {
      amount: Math.log1p(draft.amount),
      amount_ratio: Math.log(draft.amount / median(amounts, draft.amount)),
      hour: (draft.timeUnixMs % dayMs) / hourMs,
      gap: Math.log1p(gapS),
      km_from_home: Math.log1p(draft.km),
      // A minute at least, so that two places nearby are no journey.
      speed: Math.log1p(movedKm / Math.max(gapS / 3600, 1 / 60)),
      kind_share: recent.length === 0 ? 1 : sameKind / recent.length,
    };
    recent.push(draft.merchant);
    amounts.push(draft.amount);
    if (recent.length > historyLength) recent.shift();
    if (amounts.length > historyLength) amounts.shift();
    last = draft;
    const { timeUnixMs, amount, merchant, fraud: label } = draft;
    return { card, timeUnixMs, amount, merchant, numbers, fraud: label };
  });
}
