/** What is used of autocannon, which has no types of its own. */
declare module "autocannon" {
  const autocannon: (options: {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    readonly requests: readonly {
      readonly method: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }[];
  }) => Promise<{
    readonly duration: number;
    readonly "2xx": number;
    readonly latency: { readonly p50: number; readonly p99: number };
  }>;
  export = autocannon;
}
