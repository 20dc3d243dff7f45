import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const assembly = fileURLToPath(new URL("../../assembly", import.meta.url));

/**
 * Parts of the kernel that it does not export, behind an entry of the test's own over a memory of the test's own.
 * @param source AssemblyScript, as if it were a file in assembly/
 */
export class KernelPart {
  readonly memory: WebAssembly.Memory;
  private readonly exports: object;

  private constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    this.memory = memory;
    this.exports = new WebAssembly.Instance(module, {
      env: {
        memory,
        abort: () => {
          throw new Error("an assertion of the kernel failed");
        },
      },
    }).exports;
  }

  static async make(source: string, memory: WebAssembly.Memory): Promise<KernelPart> {
    const written = new Map<string, Uint8Array>();
    const { error } = await main(
      [
        "part.ts",
        "--outFile=part.wasm",
        "--optimize",
        "--bindings=raw",
        "--importMemory",
        "--sharedMemory",
        "--initialMemory=2",
        "--maximumMemory=65536",
        "--memoryBase=65536",
        "--runtime=stub",
        "--disableWarning=112",
        "--enable=threads,simd,bulk-memory,nontrapping-f2i,sign-extension",
      ],
      {
        readFile: (name, base) => {
          if (name === "part.ts") return source;
          try {
            return readFileSync(join(base === "." ? assembly : base, name), "utf8");
          } catch {
            return null;
          }
        },
        writeFile: (name, contents) => {
          written.set(
            name,
            typeof contents === "string" ? new TextEncoder().encode(contents) : contents,
          );
        },
        listFiles: () => null,
      },
    );
    if (error !== null) throw error;
    const bytes = Uint8Array.from(written.get("part.wasm") ?? []);
    return new KernelPart(await WebAssembly.compile(bytes), memory);
  }

  call(name: string, ...values: readonly number[]): number {
    const found: unknown = Reflect.get(this.exports, name);
    if (typeof found !== "function") throw new Error(`${name} is not exported`);
    return Number(Reflect.apply(found, undefined, values));
  }
}
