import type { Json, LlamaFarmClient } from "./llamafarm.ts";

export interface Frame {
  readonly object: string;
  readonly buffer_id: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly data: readonly Json[];
}

/** Buffers of the Polars API, through a client of its own. */
export class BufferBench {
  readonly client: LlamaFarmClient;
  private readonly made: string[] = [];
  private next = 0;

  constructor(client: LlamaFarmClient) {
    this.client = client;
  }

  /** An id that nothing has; its buffer is deleted by `clear`. */
  id(): string {
    const id = `buffer-${this.next++}`;
    this.made.push(id);
    return id;
  }

  /** A new buffer with these rows. */
  async of(rows: unknown = [], options: Json = {}): Promise<string> {
    const id = this.id();
    await this.client.ok("POST", "/polars/buffers", { buffer_id: id, ...options });
    await this.append(id, rows);
    return id;
  }

  append(id: string, data: unknown): Promise<Json> {
    return this.client.ok("POST", "/polars/append", { buffer_id: id, data });
  }

  async features(id: string, options: Json = {}): Promise<Frame> {
    const body = await this.client.ok("POST", "/polars/features", { buffer_id: id, ...options });
    return body as unknown as Frame;
  }

  async data(id: string, query = ""): Promise<Frame> {
    const body = await this.client.ok("GET", `/polars/buffers/${id}/data${query}`);
    return body as unknown as Frame;
  }

  async clear(): Promise<void> {
    for (const id of this.made.splice(0)) {
      await this.client.call("DELETE", `/polars/buffers/${id}`);
    }
  }
}

/** Rows of one column, `v`, that counts. */
export function counting(from: number, count: number): Json[] {
  return Array.from({ length: count }, (_, i) => ({ v: from + i }));
}
