import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Document, Pair } from 'yaml';
import { durationMs, instantMs } from './duration.ts';
import { stepKinds } from './keys.ts';
import type { Form, Mapping, Scalar } from './keys.ts';

/** Called for every fault, with its node, the path of its key, and what is wrong. */
export type OnFault = (node: unknown, path: string, what: string) => void;

/** Compares a document with a form; every key that the form does not know is a fault. */
export function checkForm(document: Document, form: Form, onFault: OnFault): void {
  check(document, document.contents, form, '', onFault);
}

function check(
  document: Document,
  given: unknown,
  form: Form,
  path: string,
  onFault: OnFault,
): void {
  const node = isAlias(given) ? given.resolve(document) : given;
  if (form === 'steps') checkSteps(document, node, path, onFault);
  else if (typeof form === 'string') checkScalar(node, form, path, onFault);
  else if (isNothing(node) && !('keys' in form && form.required)) return;
  else if ('each' in form) {
    if (!isSeq(node)) onFault(node, path, 'expected a list');
    else for (const item of node.items) check(document, item, form.each, path, onFault);
  } else if (!isMap(node)) onFault(node, path, 'expected keys and values');
  else checkMapping(document, node.items, form, path, onFault);
}

function checkMapping(
  document: Document,
  pairs: readonly Pair[],
  form: Mapping,
  path: string,
  onFault: OnFault,
): void {
  for (const { key, value } of pairs) {
    const name = nameOf(key);
    const at = path === '' ? name : `${path}.${name}`;
    const inner = Object.hasOwn(form.keys, name) ? form.keys[name] : form.others;
    if (inner === undefined) onFault(key, at, 'unknown key');
    else check(document, value, inner, at, onFault);
  }
  for (const name of form.required ?? []) {
    if (pairs.some(({ key }) => nameOf(key) === name)) continue;
    onFault(pairs[0]?.key, path === '' ? name : `${path}.${name}`, 'is missing');
  }
}

/** What a scalar form expects, and whether a text, a number's text, `true` or `false` is it. */
const understood: Readonly<Partial<Record<Scalar, [string, (text: string) => boolean]>>> = {
  flag: ['true or false', (text) => text === 'true' || text === 'false'],
  count: ['a count from 1 to 10000', (text) => /^(?:[1-9]\d{0,3}|10000)$/.test(text)],
  instant: ['an instant like 2026-03-10T09:00:00Z', (text) => instantMs(text) !== undefined],
  duration: ['a duration like 90s or 26h', (text) => durationMs(text) !== undefined],
};

function checkScalar(node: unknown, form: Scalar, path: string, onFault: OnFault): void {
  const judge = understood[form];
  if (judge !== undefined) {
    const [expected, isOne] = judge;
    if (!isScalar(node) || !isOne(String(node.value))) onFault(node, path, `expected ${expected}`);
  } else if (isNothing(node)) return;
  else if (form === 'nothing') onFault(node, path, 'expected nothing');
  else if (form === 'values') {
    const isList = isSeq(node) && node.items.every((item) => isScalar(item));
    if (!isList) onFault(node, path, 'expected a list of values');
  } else if (form === 'labels') {
    const isLabels = isMap(node) && node.items.every(({ value }) => isScalar(value));
    if (!isLabels) onFault(node, path, 'expected keys, each with a value');
  } else if (!isScalar(node)) onFault(node, path, 'expected one value');
}

/** A step has one kind, with its fields, and may have `expect`. */
function checkSteps(document: Document, node: unknown, path: string, onFault: OnFault): void {
  if (!isSeq(node)) return onFault(node, path, 'expected a list of steps');
  for (const given of node.items) {
    const item = isAlias(given) ? given.resolve(document) : given;
    const kinds = isMap(item) ? item.items.map(({ key }) => nameOf(key)) : [];
    const [kind, ...more] = kinds.filter((name) => name !== 'expect');
    const forms =
      kind !== undefined && Object.hasOwn(stepKinds, kind) ? stepKinds[kind] : undefined;
    if (!isMap(item) || kind === undefined) onFault(item, path, 'expected a step');
    else if (more.length > 0) onFault(item, path, `one step is both ${kind} and ${more[0]}`);
    else if (forms === undefined) onFault(item, kind, 'unknown step');
    else {
      check(document, item.get(kind, true), forms.fields, kind, onFault);
      const expect = item.get('expect', true);
      check(document, expect, forms.expect, `${kind}.expect`, onFault);
      if (isMap(expect) && expect.items.length > 1 && !isNothing(expect.get('error', true))) {
        onFault(expect, `${kind}.expect.error`, 'excludes every other expectation');
      }
    }
  }
}

function isNothing(node: unknown): boolean {
  return node === undefined || node === null || (isScalar(node) && node.value === null);
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}
