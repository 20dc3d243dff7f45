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
  const startedAt = performance.now();
  screen.line();
  screen.text(
    `${screen.paint(["bold", "cyan"], "Weir")}  anomaly and fraud scores on a stream: test, then train, one event at a time`,
  );
  const server = await startDemoServer();
  const leave = (status: number): void => void server.stop().then(() => process.exit(status));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => leave(130));
  // Whoever reads may have enough (`npm run demo | head`): no failure.
  process.stdout.once("error", () => leave(0)).on("error", () => undefined);
  const address = `127.0.0.1:${server.grpcPort}`;
  const client = new ScoringClient(address);
  try {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    screen.text(
      screen.paint(
        "dim",
        `A server of the demo's own, warm after ${seconds} s: gRPC on ${address}`,
      ),
    );
    screen.line();
    await play(screen, client, shuttleAct());
    await play(screen, client, cardsAct());
  } finally {
    client.close();
    await server.stop();
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
