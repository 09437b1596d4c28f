import { parseArgs } from 'node:util';
import type { ParseArgsOptionsConfig } from 'node:util';

/** A command that was typed wrong: the message names what is wrong and what was expected. Exit 2. */
export class UsageError extends Error {}

/** The error for a command that does not look like `use`. */
export function wrongUse(use: string, fault: string): UsageError {
  return new UsageError(`${fault}; expected: ${use}`);
}

/**
 * Reads the arguments of a command strictly: an unknown option, a missing value, an option given twice and an
 * argument past `maxPositionals` are UsageErrors.
 */
export function readArguments<Options extends ParseArgsOptionsConfig>(
  use: string,
  args: readonly string[],
  options: Options,
  maxPositionals: number,
) {
  const parsed = parse(use, args, options);
  const extra = parsed.positionals[maxPositionals];
  if (extra !== undefined) throw wrongUse(use, `unexpected argument ${JSON.stringify(extra)}`);
  const given = new Set<string>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option' || options[token.name]?.multiple === true) continue;
    if (given.has(token.name)) throw wrongUse(use, `${token.rawName} is given twice`);
    given.add(token.name);
  }
  return { values: parsed.values, positionals: parsed.positionals };
}

function parse<Options extends ParseArgsOptionsConfig>(
  use: string,
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
      tokens: true,
    });
  } catch (error) {
    // Its first sentence says what is wrong; others advise what this command may not allow.
    const [fault = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw wrongUse(use, fault);
  }
}
