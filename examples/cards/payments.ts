// The payments of evaluate.ts as CSV: npx node examples/cards/payments.ts > payments.csv
import { cardPayments, type CardPaymentOptions } from "../../src/demo/card-payments.ts";

export const made: CardPaymentOptions = {
  seed: 2026,
  cards: 300,
  paymentsPerCard: 150,
  episodesPerCard: 1,
  startUnixMs: Date.UTC(2026, 0, 1),
};

if (import.meta.main) {
  const rows = cardPayments(made).map(({ card, timeUnixMs, amount, merchant, numbers, fraud }) =>
    [
      card,
      timeUnixMs,
      amount,
      Math.expm1(numbers.km_from_home),
      merchant,
      numbers.hour,
      fraud ?? "",
    ].join(","),
  );
  const header = "card,time,amount,km_from_home,merchant,hour,fraud";
  process.stdout.write(`${[header, ...rows].join("\n")}\n`);
}
