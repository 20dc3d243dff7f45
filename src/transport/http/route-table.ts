/** The methods that each path takes: what 405 needs to know. */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>();

  /** `pattern` as fastify has it: `/v1/detectors/:name`. */
  add(methods: string | readonly string[], pattern: string): void {
    const known = this.#methods.get(pattern) ?? new Set<string>();
    for (const method of [methods].flat()) known.add(method);
    this.#methods.set(pattern, known);
  }

  /** In alphabetical order; [] where there is nothing at all. */
  methodsAt(path: string): readonly string[] {
    const found = new Set<string>();
    for (const [pattern, methods] of this.#methods) {
      if (!matches(pattern, path)) continue;
      for (const method of methods) found.add(method);
    }
    return [...found].toSorted();
  }
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  return (
    wanted.length === parts.length &&
    wanted.every((part, i) => (part.startsWith(":") ? parts[i] !== "" : parts[i] === part))
  );
}
