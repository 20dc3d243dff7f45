import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { OptionsError } from "./options-error.ts";

/** PEM, read and checked against each other. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Set = clients must show a certificate of this authority. */
  readonly clientCa: Buffer | undefined;
}

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** Reads the files of a TLS configuration; an OptionsError says which one is wrong, and why. */
export function readTls(paths: TlsPaths): TlsFiles {
  const cert = read("the certificate (tls.cert)", paths.cert);
  const key = read("the private key (tls.key)", paths.key);
  const clientCa =
    paths.clientCa === undefined
      ? undefined
      : read("the client authority (tls.client_ca)", paths.clientCa);
  check({ cert }, `tls.cert: ${paths.cert} is no certificate in PEM form`);
  check({ key }, `tls.key: ${paths.key} is no unencrypted private key in PEM form`);
  check({ cert, key }, `tls.key: ${paths.key} does not belong to the certificate ${paths.cert}`);
  if (clientCa !== undefined) {
    check({ ca: clientCa }, `tls.client_ca: ${paths.clientCa} is no certificate in PEM form`);
    if (!clientCa.includes("-----BEGIN CERTIFICATE-----")) {
      throw new OptionsError(`tls.client_ca: ${paths.clientCa} is no certificate in PEM form`, 1);
    }
  }
  return Object.freeze({ cert, key, clientCa });
}

function read(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw OptionsError.unreadable(what, path, thrown);
  }
}

function check(
  parts: { readonly cert?: Buffer; readonly key?: Buffer; readonly ca?: Buffer },
  message: string,
): void {
  try {
    createSecureContext(parts);
  } catch (thrown) {
    const why = thrown instanceof Error ? ` (${thrown.message})` : "";
    throw new OptionsError(`${message}${why}`, 1, thrown);
  }
}
