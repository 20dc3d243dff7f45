import { cardsAct, shuttleAct } from "../demo/acts.ts";
import { play } from "../demo/play.ts";
import { ScoringClient } from "../demo/scoring-client.ts";
import { Screen } from "../demo/screen.ts";
import { startDemoServer } from "../demo/server-process.ts";

const help = `weir demo

Starts a Weir of its own on free ports, streams labelled data through it over gRPC, and shows what it found and how fast.
It takes well under two minutes, leaves nothing behind, and needs no options.
`;

/** The tour. Resolves to the exit status: 0 unless something did not work. */
export async function demo(argv: string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(help);
    return 0;
  }
  const screen = new Screen(process.stdout, process.env);
  const leaving = new Promise<number>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => resolve(130));
    }
    // Whoever reads may have enough (`npm run demo | head`): no failure.
    process.stdout.on("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "EPIPE" ? 0 : 1),
    );
  });
  const startedAt = performance.now();
  screen.line();
  screen.text(
    `${screen.paint(["bold", "cyan"], "Weir")}  anomaly and fraud scores on a stream: test, then train, one event at a time`,
  );
  const server = await startDemoServer();
  try {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    return await Promise.race([leaving, show(screen, `127.0.0.1:${server.grpcPort}`, seconds)]);
  } finally {
    await server.stop();
  }
}

/** Everything that is shown, with a server at `address` that was warm after `seconds`. */
async function show(screen: Screen, address: string, seconds: string): Promise<number> {
  const intro = `A server of the demo's own, warm after ${seconds} s: gRPC on ${address}`;
  screen.text(screen.paint("dim", intro));
  screen.line();
  const client = new ScoringClient(address);
  try {
    await play(screen, client, shuttleAct());
    await play(screen, client, cardsAct());
  } finally {
    client.close();
  }
  showFurther(screen);
  return 0;
}

function showFurther(screen: Screen): void {
  const command = (text: string): string => screen.paint("cyan", text);
  screen.line(screen.paint("bold", "Look further"));
  screen.line(
    `  ${command("npm start")}         keeps a server up: gRPC on 127.0.0.1:50051, HTTP on 127.0.0.1:14345`,
  );
  screen.line(`  ${command("examples/")}         the same in 20 lines: client.ts and client.py`);
  screen.line(`  ${command("npm run bench")}     what it does on this machine, measured properly`);
  screen.text(
    `With a server up: http://127.0.0.1:14345/v1/stats, /metrics and /openapi.json. README.md goes on from here.`,
    2,
  );
  screen.line();
}
