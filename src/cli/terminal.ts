/** Where a verb writes: lines on standard output and standard error. */
export interface Terminal {
  print(text: string): void;
  error(text: string): void;
  /** Standard output is a terminal. */
  readonly interactive: boolean;
}

export const processTerminal: Terminal = {
  print: (text) => {
    process.stdout.write(`${text}\n`);
  },
  error: (text) => {
    process.stderr.write(`${text}\n`);
  },
  interactive: process.stdout.isTTY,
};
