import type { celEnv, CelFunc, CelType } from "@bufbuild/cel";
import { didYouMean } from "../config/problems.ts";
import type { Input } from "../domain/detector.ts";
import { patternPlaces, patternProblem } from "./patterns.ts";
import { RuleError, type Parsed, type Tree } from "./syntax.ts";
import { celTypeOf, variableTypes } from "./variables.ts";

type Functions = ReturnType<typeof celEnv>["funcs"];
type Kind<Case extends Tree["exprKind"]["case"]> = Extract<
  Tree["exprKind"],
  { case: Case }
>["value"];

/** What an expression gives, as far as it is known before a row is there, and how much work it can take. */
interface Known {
  /** A CEL type name; "dyn" = known only at evaluation. */
  readonly type: string;
  /** Type of a list's elements. */
  readonly element?: string;
  /** The most elements a list or a map can have. */
  readonly size?: number;
  /** Evaluation steps, at most. */
  readonly cost: number;
}

/**
 * The most steps that one evaluation may take. A step is 0.1-1 us, and rules run on the thread that serves: at this bound a rule
 * blocks it for at most some milliseconds. Revise with the fallback's share of weir_stage_duration.
 */
const stepsMax = 4096;
/** Bytes of a key or a category. */
const textSteps = 16;
/** A place of a pattern, stepping through a key or a category: 256 bytes of 10 ns. */
const placeSteps = 8;

/**
 * Finds, before any row is there, what would fail on every row: names that are not declared, functions that do not exist or do
 * not take such arguments, comparisons that cannot hold, a result that is no truth value; and refuses what could take too
 * long. Throws a RuleError that points at the character.
 */
export function checkTree(
  parsed: Parsed,
  source: string,
  inputs: readonly Input[],
  functions: Functions,
): void {
  const checker = new Checker(parsed, source, inputs, functions);
  const result = checker.know(parsed.tree, new Map());
  if (result.type !== "bool" && result.type !== "dyn") {
    checker.fail(parsed.tree, `gives ${shortType(result.type)}, expected true or false`);
  }
  if (result.cost > stepsMax) {
    checker.fail(
      parsed.tree,
      `can take ${result.cost} steps, at most ${stepsMax} are taken: shorten its lists`,
    );
  }
}

type Scope = ReadonlyMap<string, Known>;

class Checker {
  readonly #positions: Parsed["positions"];
  readonly #source: string;
  readonly #inputs: ReadonlyMap<string, Input>;
  readonly #variables: ReadonlyMap<string, string>;
  readonly #functions: Functions;
  #offset = 0;
  #inComprehension = false;

  constructor(parsed: Parsed, source: string, inputs: readonly Input[], functions: Functions) {
    this.#positions = parsed.positions;
    this.#source = source;
    this.#inputs = new Map(inputs.map((input) => [input.name, input]));
    this.#variables = variableTypes(inputs);
    this.#functions = functions;
  }

  /** Points at the expression, or at the nearest one around it that stands in the source (macros make others). */
  fail(tree: Tree, message: string): never {
    throw new RuleError(this.#source, this.#positions[String(tree.id)] ?? this.#offset, message);
  }

  know(tree: Tree, scope: Scope): Known {
    this.#offset = this.#positions[String(tree.id)] ?? this.#offset;
    const kind = tree.exprKind;
    switch (kind.case) {
      case "constExpr":
        return { type: constantType(kind.value.constantKind.case), cost: 1 };
      case "identExpr":
        return this.#name(tree, kind.value.name, scope);
      case "selectExpr":
        return this.#select(tree, kind.value, scope);
      case "listExpr":
        return this.#list(kind.value.elements, scope);
      case "structExpr":
        return this.#struct(kind.value, scope);
      case "callExpr":
        return this.#call(tree, kind.value, scope);
      case "comprehensionExpr":
        return this.#comprehension(tree, kind.value, scope);
      case undefined:
      default:
        return this.fail(tree, "is not CEL");
    }
  }

  #operand(around: Tree, tree: Tree | undefined, scope: Scope): Known {
    return tree === undefined ? this.fail(around, "lacks an operand") : this.know(tree, scope);
  }

  #name(tree: Tree, name: string, scope: Scope): Known {
    const local = scope.get(name);
    if (local !== undefined) return { ...local, cost: 1 };
    const type = this.#variables.get(name);
    if (name === "inputs") return { type: "map", size: this.#inputs.size, cost: this.#inputs.size };
    if (type !== undefined) return { type, cost: 1 };
    if (typeNames.has(name)) return { type: "type", cost: 1 };
    if (this.#inputs.has(name)) {
      this.fail(tree, `${name} is a word of CEL's own: write inputs[${JSON.stringify(name)}]`);
    }
    return this.fail(tree, `there is no name ${JSON.stringify(name)}${this.#nearName(name)}`);
  }

  #nearName(name: string): string {
    const hint = didYouMean(name, this.#variables.keys());
    if (hint !== "") return hint;
    const names = [...this.#variables.keys()];
    const more = names.length > 12 ? ", ..." : "";
    return `; expected one of ${names.slice(0, 12).join(", ")}${more}`;
  }

  #input(tree: Tree, name: string): Known {
    const input = this.#inputs.get(name);
    if (input !== undefined) return { type: celTypeOf(input), cost: this.#inputs.size };
    const hint = didYouMean(name, this.#inputs.keys());
    return this.fail(tree, `there is no input ${JSON.stringify(name)}${hint}`);
  }

  #select(tree: Tree, select: Kind<"selectExpr">, scope: Scope): Known {
    const operand = this.#operand(tree, select.operand, scope);
    const isInput = isName(select.operand, "inputs") && !scope.has("inputs");
    const field = isInput
      ? this.#input(tree, select.field)
      : { type: "dyn", cost: operand.cost + 1 };
    if (noFields.has(operand.type)) {
      this.fail(tree, `${shortType(operand.type)} has no field ${JSON.stringify(select.field)}`);
    }
    return select.testOnly ? { type: "bool", cost: field.cost } : field;
  }

  #list(elements: readonly Tree[], scope: Scope): Known {
    const known = elements.map((element) => this.know(element, scope));
    const types = new Set(known.map((element) => element.type));
    const [only] = types.size === 1 ? types : [];
    return {
      type: "list",
      element: only ?? "dyn",
      size: elements.length,
      cost: 1 + costOf(known),
    };
  }

  #struct(struct: Kind<"structExpr">, scope: Scope): Known {
    const known: Known[] = [];
    for (const entry of struct.entries) {
      if (entry.keyKind.case === "mapKey") known.push(this.know(entry.keyKind.value, scope));
      if (entry.value !== undefined) known.push(this.know(entry.value, scope));
    }
    const type = struct.messageName === "" ? "map" : "dyn";
    return { type, size: struct.entries.length, cost: 1 + costOf(known) };
  }

  #call(tree: Tree, call: Kind<"callExpr">, scope: Scope): Known {
    const target = call.target === undefined ? undefined : this.know(call.target, scope);
    const args = call.args.map((arg) => this.know(arg, scope));
    this.#offset = this.#positions[String(tree.id)] ?? this.#offset;
    const cost = 1 + costOf(target === undefined ? args : [target, ...args]);
    if (call.function === "_?_:_") return this.#choice(tree, call, args, cost);
    if (call.function === "_[_]") return this.#index(tree, call, args, cost);
    if (logical.has(call.function)) {
      for (const [i, arg] of args.entries()) this.#truth(call.args[i] ?? tree, arg);
      return { type: "bool", cost };
    }
    if (comparing.has(call.function)) {
      this.#comparable(tree, call.function, args);
      return { type: "bool", cost: cost + sizeOf(args) + textSteps };
    }
    return this.#overloaded(tree, call, { target, args, cost });
  }

  #truth(tree: Tree, known: Known): void {
    if (known.type === "bool" || known.type === "dyn") return;
    this.fail(tree, `gives ${shortType(known.type)}, expected true or false`);
  }

  #choice(tree: Tree, call: Kind<"callExpr">, args: readonly Known[], cost: number): Known {
    const [condition, yes, no] = args;
    if (condition !== undefined) this.#truth(call.args[0] ?? tree, condition);
    const type = yes !== undefined && yes.type === no?.type ? yes.type : "dyn";
    return { type, size: sizeOf(args), cost };
  }

  #index(tree: Tree, call: Kind<"callExpr">, args: readonly Known[], cost: number): Known {
    const [container] = args;
    const key = call.args[1] ?? tree;
    if (isName(call.args[0], "inputs") && key.exprKind.case === "constExpr") {
      const name = constantText(key);
      if (name !== undefined) return this.#input(key, name);
      return this.fail(key, "expected the name of an input in quotes");
    }
    if (container !== undefined && noFields.has(container.type)) {
      this.fail(tree, `${shortType(container.type)} has no elements`);
    }
    return { type: container?.element ?? "dyn", cost };
  }

  /** CEL's type checker takes only like with like (numbers with numbers): anything else can never be equal. */
  #comparable(tree: Tree, name: string, args: readonly Known[]): void {
    const [left, right] = args;
    if (left === undefined || right === undefined) return;
    if (name === "@in" && !["list", "map", "dyn"].includes(right.type)) {
      this.fail(tree, `${shortType(right.type)} after "in", expected a list`);
    }
    const other = name === "@in" ? (right.element ?? "dyn") : right.type;
    if (name === "@in" && right.size === 0) return;
    if (familyOf(left.type) === familyOf(other)) return;
    if ([left.type, other].some((type) => type === "dyn" || type === "null_type")) return;
    this.fail(tree, `compares ${shortType(left.type)} with ${shortType(other)}: never equal`);
  }

  #overloaded(
    tree: Tree,
    call: Kind<"callExpr">,
    given: { readonly target: Known | undefined; readonly args: readonly Known[]; cost: number },
  ): Known {
    const { target, args, cost } = given;
    const group = this.#functions.find(call.function);
    if (group === undefined) {
      const names = new Set<string>();
      for (const { name } of this.#functions) if (/^[a-z]/i.test(name)) names.add(name);
      const hint = didYouMean(call.function, names);
      return this.fail(tree, `there is no function ${call.function}()${hint}`);
    }
    const fitting = [...group].filter((overload) => fits(overload, target, args));
    const [first] = fitting;
    if (first === undefined) return this.fail(tree, misfit(call.function, target, args));
    const same = fitting.every(({ result }) => result.name === first.result.name);
    return {
      type: same ? first.result.name : "dyn",
      size: sizeOf(args),
      cost: cost + 1 + this.#patternCost(tree, call) + sizeOf(args),
    };
  }

  /** matches() takes only a pattern that is written out: it is checked and compiled once, and its cost is known. */
  #patternCost(tree: Tree, call: Kind<"callExpr">): number {
    if (call.function !== "matches") return 0;
    const argument = call.args.at(-1) ?? tree;
    const pattern = constantText(argument);
    if (pattern === undefined)
      return this.fail(argument, "expected a pattern written out in quotes");
    const wrong = patternProblem(pattern);
    if (wrong !== undefined) this.fail(argument, `is no pattern: ${wrong}`);
    return patternPlaces(pattern) * placeSteps;
  }

  #comprehension(tree: Tree, fold: Kind<"comprehensionExpr">, scope: Scope): Known {
    const range = this.#operand(tree, fold.iterRange, scope);
    if (!["list", "map", "dyn"].includes(range.type)) {
      this.fail(tree, `goes over ${shortType(range.type)}, expected a list`);
    }
    if (range.size === undefined) {
      this.fail(tree, "goes over a list of unknown length: write the list out");
    }
    if (this.#inComprehension) this.fail(tree, "all, exists, map and filter cannot be nested");
    this.#inComprehension = true;
    const start = this.#operand(tree, fold.accuInit, scope);
    const element = range.type === "map" ? "string" : (range.element ?? "dyn");
    const gathered: Known = { ...start, element: "dyn", size: range.size, cost: 1 };
    const inner = new Map([
      ...scope,
      [fold.iterVar, { type: element, cost: 1 }],
      [fold.accuVar, gathered],
    ]);
    const condition = this.#operand(tree, fold.loopCondition, inner);
    const step = this.#operand(tree, fold.loopStep, inner);
    const result = this.#operand(tree, fold.result, inner);
    this.#inComprehension = false;
    const cost = range.cost + range.size * (condition.cost + step.cost) + result.cost;
    return { ...result, size: range.size, cost };
  }
}

const logical = new Set(["_&&_", "_||_", "@not_strictly_false"]);
const comparing = new Set(["_==_", "_!=_", "@in"]);
const typeNames = new Set("bool bytes double int list map null_type string type uint".split(" "));
/** Types that have neither fields nor elements. */
const noFields = new Set([
  "bool",
  "bytes",
  "double",
  "google.protobuf.Duration",
  "google.protobuf.Timestamp",
  "int",
  "null_type",
  "string",
  "uint",
]);

function constantText(tree: Tree): string | undefined {
  if (tree.exprKind.case !== "constExpr") return undefined;
  const constant = tree.exprKind.value.constantKind;
  return constant.case === "stringValue" ? constant.value : undefined;
}

function constantType(constant: string | undefined): string {
  const types: Readonly<Record<string, string>> = {
    boolValue: "bool",
    bytesValue: "bytes",
    doubleValue: "double",
    int64Value: "int",
    nullValue: "null_type",
    stringValue: "string",
    uint64Value: "uint",
  };
  return types[constant ?? ""] ?? "dyn";
}

function costOf(known: readonly Known[]): number {
  return known.reduce((sum, { cost }) => sum + cost, 0);
}

function sizeOf(known: readonly Known[]): number {
  return known.reduce((sum, { size }) => sum + (size ?? 0), 0);
}

function isName(tree: Tree | undefined, name: string): boolean {
  return tree?.exprKind.case === "identExpr" && tree.exprKind.value.name === name;
}

function familyOf(type: string): string {
  return type === "int" || type === "uint" ? "double" : type;
}

function fits(overload: CelFunc, target: Known | undefined, args: readonly Known[]): boolean {
  if ((overload.target === undefined) !== (target === undefined)) return false;
  if (overload.arguments.length !== args.length) return false;
  if (overload.target !== undefined && !takes(overload.target, target)) return false;
  return overload.arguments.every((type, i) => takes(type, args[i]));
}

function takes(type: CelType, known: Known | undefined): boolean {
  return type.name === "dyn" || known?.type === "dyn" || type.name === known?.type;
}

function misfit(name: string, target: Known | undefined, args: readonly Known[]): string {
  const types = args.map(({ type }) => shortType(type));
  const symbol = name.replaceAll("_", "");
  if (/^[a-z]/i.test(symbol)) {
    const on = target === undefined ? "" : `${shortType(target.type)}.`;
    return `${on}${name}() does not take (${types.join(", ")})`;
  }
  const families = new Set(args.map(({ type }) => familyOf(type)));
  const mixed = families.size === 1 && families.has("double");
  const hint = mixed ? ": write whole numbers as 2.0, or convert with double(x)" : "";
  return `"${symbol}" does not take ${types.join(" and ")}${hint}`;
}

function shortType(type: string): string {
  switch (type) {
    case "google.protobuf.Timestamp":
      return "a timestamp";
    case "google.protobuf.Duration":
      return "a duration";
    case "string":
      return "a text";
    case "bool":
      return "a truth value";
    case "double":
      return "a number (double)";
    case "int":
      return "a whole number (int)";
    case "null_type":
      return "null";
    default:
      return `a ${type}`;
  }
}
