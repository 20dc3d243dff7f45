/** The server cannot be started like this. The message is for a terminal and says what to do next. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  /** 2 = the command line or the environment, 1 = anything else. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }

  /** A file that cannot be read: `what` it is, and how the user named it. */
  static unreadable(what: string, shown: string, thrown: unknown): OptionsError {
    return new OptionsError(`cannot read ${what} ${shown}: ${whyUnreadable(thrown)}`, 1, thrown);
  }
}

function whyUnreadable(thrown: unknown): string {
  if (!(thrown instanceof Error) || !("code" in thrown)) return String(thrown);
  switch (thrown.code) {
    case "ENOENT":
      return "there is no such file; check the path";
    case "EACCES":
      return "permission denied; let the user that runs weir read it";
    case "EISDIR":
      return "it is a directory, expected a file";
    default:
      return thrown.message;
  }
}
