import { celEnv, isCelError, plan } from "@bufbuild/cel";
import type { CompiledRules, DetectorConfig, RuleRow } from "../domain/detector.ts";
import { checkTree } from "./check.ts";
import { patterns } from "./patterns.ts";
import { Quick, quicken } from "./quick.ts";
import { parseRule, RuleError } from "./syntax.ts";
import { RowVariables } from "./variables.ts";

type RulesOf = Pick<DetectorConfig, "inputs" | "rules">;

const environment = celEnv({ re2: patterns });

/** Calls `report` for every rule that cannot be compiled, with a message that shows the expression and a caret. */
export function checkRules(config: RulesOf, report: (rule: number, message: string) => void): void {
  for (const [i, rule] of config.rules.entries()) {
    try {
      const parsed = parseRule(rule.when);
      checkTree(parsed, rule.when, config.inputs, environment.funcs);
    } catch (thrown) {
      if (!(thrown instanceof RuleError)) throw thrown;
      report(i, thrown.message);
    }
  }
}

/**
 * The rules of a checked configuration, ready to run. `failed` is called with the index of a rule that could not be evaluated for
 * a row, for instance because an input that it names is missing: it does not hold.
 */
export function compileRules(config: RulesOf, failed: (rule: number) => void): CompiledRules {
  if (config.rules.length === 0) return { firstMatch: () => -1 };
  const variables = new RowVariables(config.inputs);
  const rules = config.rules.map(({ when }) => {
    const { tree, program } = parseRule(when);
    return { evaluate: plan(environment, program), quick: quicken(tree, config.inputs) };
  });
  const evaluate = (rule: number, row: RuleRow): boolean => {
    // An input that is missing is an Error each time, and its stack trace, which nobody sees, two thirds of its cost.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    variables.look(row);
    try {
      const result = rules[rule]?.evaluate(variables.bindings);
      if (isCelError(result)) failed(rule);
      return result === true;
    } catch {
      failed(rule);
      return false;
    } finally {
      variables.look(undefined);
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
  return {
    firstMatch(row) {
      for (let rule = 0; rule < rules.length; rule++) {
        const quick = rules[rule]?.quick?.(row) ?? Quick.UNSURE;
        if (quick === Quick.YES || (quick === Quick.UNSURE && evaluate(rule, row))) return rule;
      }
      return -1;
    },
  };
}
