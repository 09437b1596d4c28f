import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import { fileForm, stepKinds } from './keys.ts';
import type { Form } from './keys.ts';

/** A value of a scenario file. Whole numbers are bigint, so that they are exact. */
export type Value = string | bigint | number | boolean | null | Value[] | Fields;

/** The keys of one mapping of a file, as they are written. */
export interface Fields {
  readonly [key: string]: Value | undefined;
}

/** One step: its kind, its fields and what must come of it. */
export interface Step {
  readonly kind: string;
  readonly fields: Fields;
  readonly expect: Fields | undefined;
  readonly line: number;
}

/** One scenario file. */
export interface Scenario {
  readonly file: string;
  readonly name: string;
  readonly startMs: number;
  /** Organization, directory, catalog, prices and policies, as written. */
  readonly setUp: Fields;
  readonly steps: readonly Step[];
}

/** A file that is no scenario: where, and which key. */
export class MalformedScenario extends Error {}

/** Reads a scenario; fails with MalformedScenario naming file, line and key. */
export function readScenario(file: string, text: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, intAsBigInt: true, version: '1.2' });
  const lineOf = (node: unknown): number =>
    isNode(node) && node.range ? lines.linePos(node.range[0]).line : 1;
  const fail = (node: unknown, what: string): never => {
    throw new MalformedScenario(`${file}:${lineOf(node)}: ${what}`);
  };
  const [fault] = document.errors;
  if (fault !== undefined) {
    const [at] = fault.linePos ?? [];
    throw new MalformedScenario(`${file}:${at?.line ?? 1}: ${fault.message.split('\n')[0]}`);
  }
  checkKeys(document.contents, fileForm, '', fail);
  const content = document.toJS() as Fields;
  const startMs = typeof content['start'] === 'string' ? Date.parse(content['start']) : NaN;
  if (Number.isNaN(startMs)) fail(document.contents, 'start: expected an instant');
  if (typeof content['name'] !== 'string') fail(document.contents, 'name: expected a text');
  const steps = document.get('steps');
  if (!isSeq(steps)) return fail(document.contents, 'steps: expected a list');
  return {
    file,
    name: String(content['name']),
    startMs,
    setUp: content,
    steps: steps.items.map((item) => readStep(item, document, lineOf(item), fail)),
  };
}

type Fail = (node: unknown, what: string) => never;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}

/** Refuses every key that the form does not know. */
function checkKeys(node: unknown, form: Form, path: string, fail: Fail): void {
  if (
    form === 'any' ||
    node === undefined ||
    node === null ||
    (isScalar(node) && node.value === null)
  )
    return;
  if (isSeq(node)) {
    for (const item of node.items) checkKeys(item, form, path, fail);
    return;
  }
  if (!isMap(node)) fail(node, `${path}: expected keys`);
  else {
    for (const { key, value } of node.items) {
      const name = String(isScalar(key) ? key.value : key);
      const inner = form[name] ?? form['*'];
      if (inner === undefined) fail(key, `${path}${name}: unknown key`);
      else checkKeys(value, inner, `${path}${name}.`, fail);
    }
  }
}

function readStep(item: unknown, document: Document, line: number, fail: Fail): Step {
  if (!isMap(item)) return fail(item, 'steps: expected a step');
  const kinds = item.items.map(({ key }) => String(isScalar(key) ? key.value : key));
  const own = kinds.filter((kind) => kind !== 'expect');
  const [kind] = own;
  if (kind === undefined || own.length > 1) {
    return fail(item, `steps: expected one step, got ${own.join(', ') || 'none'}`);
  }
  const forms = stepKinds[kind];
  if (forms === undefined) return fail(item, `${kind}: unknown step`);
  checkKeys(item.get(kind, true), forms.fields, `${kind}.`, fail);
  checkKeys(item.get('expect', true), forms.expect, `${kind}.expect.`, fail);
  const content = item.toJS(document) as Fields;
  return { kind, line, ...parts(content, kind) };
}

/** Steps that take one value instead of fields have it as `value`. */
function parts(content: Fields, kind: string): Pick<Step, 'fields' | 'expect'> {
  const value = content[kind];
  const fields = isFields(value) ? value : { value };
  const { expect } = content;
  return { fields, expect: isFields(expect) ? expect : undefined };
}

/** Whether a value is a mapping. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
