import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TargetFacts } from '../../src/core/call.ts';
import { globMatches, targetFacts, targetMatches, targetTouched } from '../../src/core/target.ts';
import { viewOf } from '../support/view.ts';

const view = viewOf({
  models: [
    { id: 'gpt-4o', provider: 'openai', groups: ['frontier'] },
    { id: 'gpt-4o-mini', groups: [] },
    { id: 'o1', groups: ['frontier', 'slow'] },
  ],
  routeGroups: [
    { id: 'chat', members: ['gpt-4o', 'gpt-4o-mini'] },
    { id: 'best', members: ['gpt-4o', 'o1'] },
    { id: 'lost', members: ['gpt-4o', 'gone'] },
    { id: 'none', members: [] },
  ],
});

const of = (name: string): TargetFacts => targetFacts(view, name);

describe('what a target is', () => {
  it('is a model, a route group with its members, or unknown', () => {
    expect(of('gpt-4o')).toEqual({
      name: 'gpt-4o',
      kind: 'MODEL',
      provider: 'openai',
      groups: ['frontier'],
      members: [],
    });
    expect(of('lost')).toEqual({
      name: 'lost',
      kind: 'ROUTE_GROUP',
      provider: undefined,
      groups: [],
      members: [
        { name: 'gpt-4o', provider: 'openai', groups: ['frontier'] },
        { name: 'gone', provider: undefined, groups: [] },
      ],
    });
    expect(of('gpt-9')).toEqual({
      name: 'gpt-9',
      kind: 'UNKNOWN',
      provider: undefined,
      groups: [],
      members: [],
    });
  });
});

describe('a list of targets', () => {
  it.each([
    [['gpt-4o'], 'gpt-4o', true],
    [['gpt-4o'], 'gpt-4o-mini', false],
    [['gpt-*'], 'gpt-4o-mini', true],
    [['*-mini'], 'gpt-4o-mini', true],
    [['group:frontier'], 'o1', true],
    [['group:frontier'], 'gpt-4o-mini', false],
    [['group:front'], 'o1', false],
    [['GPT-4o'], 'gpt-4o', false],
    [['*'], 'gpt-9', true],
    [[], 'gpt-4o', false],
  ])('%j names %s: %s', (list, name, named) => {
    expect(targetMatches(list, of(name))).toBe(named);
  });

  it.each([
    ['by its own name', ['chat'], 'chat', true],
    ['by a pattern of its own name', ['ch*'], 'chat', true],
    ['by all its members', ['gpt-*'], 'chat', true],
    ['by members named apart', ['gpt-4o', 'gpt-4o-mini'], 'chat', true],
    ['by the label of all members', ['group:frontier'], 'best', true],
    ['not by one member', ['gpt-4o'], 'chat', false],
    ['not by the label of one', ['group:frontier'], 'chat', false],
    ['not by a member that is not in the catalog', ['group:frontier'], 'lost', false],
    ['not by having no members', ['gpt-*'], 'none', false],
  ])('names a route group %s', (_, list, name, named) => {
    expect(targetMatches(list, of(name))).toBe(named);
  });

  it('touches a route group by any member', () => {
    expect(targetTouched(['gpt-4o'], of('chat'))).toBe(true);
    expect(targetTouched(['chat'], of('chat'))).toBe(true);
    expect(targetTouched(['o1'], of('chat'))).toBe(false);
    expect(targetTouched([], of('chat'))).toBe(false);
  });
});

describe('a pattern', () => {
  it('matches as the regular expression does that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        const pieces = glob.split('*').map((piece) => piece.replaceAll('.', String.raw`\.`));
        expect(globMatches(glob, name)).toBe(new RegExp(`^${pieces.join('.*')}$`).test(name));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ['ab*b', 'ab', false],
    ['ab*b', 'abb', true],
    ['a*b*b', 'ab', false],
    ['a*bc*c', 'abc', false],
  ])('%s does not use a letter twice: %s is matched: %s', (glob, name, matched) => {
    expect(globMatches(glob, name)).toBe(matched);
  });

  it('takes no longer for many stars than the text is long', () => {
    const pattern = `${'*a'.repeat(90)}b`;
    expect(globMatches(pattern, 'a'.repeat(200))).toBe(false);
  });
});
