/** What the first argument can be, in the order of the help. */
const serverVerbs = [
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
] as const;

/** Without a server. */
const fileVerbs = [
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
  {
    name: "verify",
    usage: "verify --help",
    help: "say whether everything in a data directory is sound",
  },
  {
    name: "restore",
    usage: "restore BACKUP --data DIR",
    help: "make a data directory of a backup or a snapshot",
  },
] as const;

/** They talk to a running server. */
const clientVerbs = [
  { name: "state", usage: "state", help: "what is on disk, and whether the server learns" },
  { name: "snapshot", usage: "snapshot", help: "write a snapshot now" },
  { name: "backup", usage: "backup DIR", help: "write the whole state into a directory" },
  {
    name: "update",
    usage: "update FILE",
    help: "give a detector another specification, as a new version",
  },
  { name: "versions", usage: "versions NAME", help: "the versions of a detector" },
  { name: "rollback", usage: "rollback NAME", help: "take a detector back to a version" },
  {
    name: "shadow",
    usage: "shadow start|report|...",
    help: "try a detector beside a live one, then promote it",
  },
  {
    name: "export",
    usage: "export NAME --to FILE",
    help: "one detector with all that it has learned",
  },
  { name: "import", usage: "import FILE", help: "take over a detector that was exported" },
] as const;

const generalVerbs = [
  { name: "help", usage: "help", help: "this text (also --help)" },
  { name: "version", usage: "version", help: "print the version (also --version)" },
] as const;

export const verbs = [...serverVerbs, ...fileVerbs, ...clientVerbs, ...generalVerbs] as const;

/** As the help shows them. */
export const verbGroups = [
  { title: "Verbs", verbs: [...serverVerbs, ...generalVerbs] },
  { title: "With files, without a server (each with --help)", verbs: fileVerbs },
  { title: "Of a running server, at --address HOST:PORT (each with --help)", verbs: clientVerbs },
] as const;

export type Verb = (typeof verbs)[number]["name"];
