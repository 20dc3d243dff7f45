/** What the first argument can be, in the order of the help. */
export const verbs = [
  { name: "start", usage: "start", help: "start the server (also without a verb)" },
  {
    name: "demo",
    usage: "demo",
    help: "start, stream labelled data through it, show what was found",
  },
  {
    name: "check-config",
    usage: "check-config FILE",
    help: "explain the mistakes in a configuration file, by line",
  },
  {
    name: "config-schema",
    usage: "config-schema",
    help: "print the JSON Schema of the configuration file, for editors",
  },
  {
    name: "features",
    usage: "features --help",
    help: "compute the features of events in files, as a server would",
  },
  {
    name: "replay",
    usage: "replay --help",
    help: "run past events through a detector again, compare with what was answered",
  },
  {
    name: "explain",
    usage: "explain --help",
    help: "say how one past verdict came about, by its event's id",
  },
  { name: "help", usage: "help", help: "this text (also --help)" },
  { name: "version", usage: "version", help: "print the version (also --version)" },
] as const;

export type Verb = (typeof verbs)[number]["name"];
