import { LineCounter, isNode, isSeq, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import { checkForm } from './check-form.ts';
import { instantMs } from './duration.ts';
import { fileForm } from './keys.ts';

/** A value of a scenario file; a number is its text, as it is written. */
export type Value = string | boolean | null | Value[] | Fields;

/** The keys of one mapping of a file, as they are written. */
export interface Fields {
  readonly [key: string]: Value | undefined;
}

/** One step: its kind, its fields and what must come of it. */
export interface Step {
  readonly kind: string;
  /** A step of one value instead of fields has it as `value`. */
  readonly fields: Fields;
  readonly expect: Fields;
  readonly line: number;
}

/** One scenario file. */
export interface Scenario {
  readonly file: string;
  readonly name: string;
  /** Of the name. */
  readonly line: number;
  readonly startMs: number;
  /** Organization, directory, catalog, prices and policies, as written. */
  readonly setUp: Fields;
  readonly steps: readonly Step[];
  /** It changes the platform's catalog, which is not its organization's alone. */
  readonly isOfPlatform: boolean;
}

/** A file that is no scenario; the faults name file, line and key. */
export class MalformedScenario extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Reads a scenario; fails with MalformedScenario, which has all faults of the file. */
export function readScenario(file: string, text: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, intAsBigInt: true, version: '1.2' });
  const syntax = document.errors.map(({ pos: [at], message }) => {
    const [what = ''] = message.split('\n');
    return `${file}:${lines.linePos(at).line}: ${what.replace(/ at line \d+, column \d+:?$/, '')}`;
  });
  if (syntax.length > 0) throw new MalformedScenario(syntax);
  const lineOf = (node: unknown): number =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1;
  const faults: string[] = [];
  checkForm(document, fileForm, (node, path, what) => {
    faults.push(`${file}:${lineOf(node)}: ${path === '' ? '' : `${path}: `}${what}`);
  });
  if (faults.length > 0) throw new MalformedScenario(faults);
  return scenarioOf(file, document, lineOf);
}

function scenarioOf(file: string, document: Document, lineOf: (node: unknown) => number): Scenario {
  keepNumbersAsWritten(document);
  const content = document.toJS() as Fields;
  const nodes = document.get('steps');
  const items = isSeq(nodes) ? nodes.items : [];
  const steps = itemsOf(content['steps']).map((step, index) =>
    readStep(step, lineOf(items[index])),
  );
  return {
    file,
    name: String(content['name']),
    line: lineOf(document.get('name', true)),
    startMs: instantMs(String(content['start'])) ?? 0,
    setUp: content,
    steps,
    isOfPlatform: 'platform' in content || steps.some(({ fields }) => fields['platform'] === true),
  };
}

/** A number that is written plainly stays the text it is: no digit of it is lost to a float, no zero to a bigint. */
function keepNumbersAsWritten(document: Document): void {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'number' && typeof node.value !== 'bigint') return;
      const isPlain = /^-?\d+(?:\.\d+)?$/.test(node.source ?? '');
      node.value = isPlain ? node.source : String(node.value);
    },
  });
}

function readStep(content: Fields, line: number): Step {
  const { expect, ...step } = content;
  const [[kind, value] = ['', null]] = Object.entries(step);
  return {
    kind,
    line,
    fields: isFields(value) ? value : { value: value ?? null },
    expect: fieldsOf(expect),
  };
}

/** Whether a value is a mapping. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A mapping; an empty one for anything else. */
export function fieldsOf(value: Value | undefined): Fields {
  return isFields(value) ? value : {};
}

/** The mappings of a list; none for anything else. */
export function itemsOf(value: Value | undefined): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}
