import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { protoPath as healthProtoPath } from "grpc-health-check";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { loadContract } from "./definitions.ts";

/**
 * Everything that the server answers: Weir, health, and reflection itself, with field names as they are in the files. The file
 * descriptors are corrected on the way: strict clients (grpcurl, buf) refuse what protobufjs makes of maps and of `optional`, and it
 * leaves the JSON names out.
 */
export function reflectedPackage(): PackageDefinition {
  const reflection = createRequire(import.meta.url).resolve("@grpc/reflection/package.json");
  const directory = join(dirname(reflection), "build/proto/grpc/reflection");
  const original: PackageDefinition = {
    ...loadContract({ keepCase: true }),
    ...loadSync(healthProtoPath, { keepCase: true, enums: String }),
    ...loadSync(join(directory, "v1/reflection.proto"), { keepCase: true }),
    ...loadSync(join(directory, "v1alpha/reflection.proto"), { keepCase: true }),
  };
  const corrected = new Map<Buffer, Buffer>();
  const once = (file: Buffer): Buffer => {
    const known = corrected.get(file) ?? correctFile(file);
    corrected.set(file, known);
    return known;
  };
  return Object.fromEntries(
    Object.entries(original).map(([name, definition]) => [
      name,
      isType(definition)
        ? { ...definition, fileDescriptorProtos: definition.fileDescriptorProtos.map(once) }
        : definition,
    ]),
  );
}

type AnyDefinition = PackageDefinition[string];
type TypeDefinition = Extract<AnyDefinition, { readonly fileDescriptorProtos: Buffer[] }>;

function isType(definition: AnyDefinition): definition is TypeDefinition {
  return "format" in definition;
}

interface Field {
  readonly name: string;
  readonly oneofIndex?: number;
  typeName?: string;
  jsonName?: string;
  proto3Optional?: boolean;
}
interface Message {
  name: string;
  readonly field?: readonly Field[];
  readonly nestedType?: readonly Message[];
  readonly oneofDecl?: readonly { readonly name: string }[];
  readonly options?: { readonly mapEntry?: boolean };
}
interface File {
  readonly messageType?: readonly Message[];
}

function correctFile(bytes: Buffer): Buffer {
  const { FileDescriptorProto } = descriptor;
  const file: File = FileDescriptorProto.toObject(FileDescriptorProto.decode(bytes));
  for (const message of file.messageType ?? []) correctMessage(message);
  return Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.fromObject(file)).finish());
}

function correctMessage(message: Message): void {
  for (const nested of message.nestedType ?? []) {
    if (nested.options?.mapEntry === true) correctMap(message, nested);
    else correctMessage(nested);
  }
  for (const field of message.field ?? []) {
    field.jsonName = field.name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const oneof = message.oneofDecl?.[field.oneofIndex ?? -1];
    // What `optional` is made of: a oneof of its own with an underscore before its name.
    if (oneof?.name === `_${field.name}`) field.proto3Optional = true;
  }
}

/** The entry of `map<...> some_field` is called SomeFieldEntry. */
function correctMap(owner: Message, entry: Message): void {
  const field = owner.field?.find(({ typeName }) => typeName === entry.name);
  if (field === undefined) return;
  const camelCase = field.name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
  entry.name = `${camelCase}Entry`;
  field.typeName = entry.name;
}
