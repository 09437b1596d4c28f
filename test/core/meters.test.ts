import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDerived, meterOf, parseMeterName } from '../../src/core/meter.ts';
import {
  chargedMeters,
  familiesOf,
  familyName,
  familyTag,
  meterFamilyTag,
} from '../../src/core/meters.ts';
import { resolvePath } from '../../src/core/path.ts';
import {
  decodeId,
  encodeId,
  parseSubject,
  subjectKinds,
  subjectName,
  subjectText,
} from '../../src/core/subject.ts';
import { targetFacts } from '../../src/core/target.ts';
import { callOf, policyOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const limit = (more: Partial<SaidLimit> = {}): SaidLimit => ({
  name: 'limit',
  metric: 'COST',
  amount: 1n,
  ...more,
});

function charged(said: Said, call: SaidCall): string[] {
  const view = viewOf(said);
  const { path } = resolvePath(view, callOf(call), 0);
  return chargedMeters(view, path, targetFacts(view, call.target ?? 'gpt-4o')).map(
    ({ name }) => name,
  );
}

describe('a call is charged', () => {
  const everywhere: SaidCall = {
    user: 'alice',
    teams: ['red'],
    tier: 'pro',
    key: 'k1',
    principal: 'agent:a',
    app: 'crm',
    customer: 'c1',
    labels: { feature: 'search' },
    credential: { kind: 'token', id: 't1' },
  };
  const said: Said = {
    teams: [{ id: 'top' }, { id: 'red', parent: 'top' }],
    keys: [{ id: 'k1' }],
    tokens: [{ id: 't1' }],
  };

  it('to the organization first, and to every subject but labels', () => {
    const names = charged(said, everywhere);
    expect(names[0]).toBe('org');
    expect(names.toSorted()).toEqual([
      'app:crm',
      'customer:c1',
      'key:k1',
      'org',
      'principal:agent:a',
      'team:red',
      'team:top',
      'tier:pro',
      'token:t1',
      'user:alice',
    ]);
  });

  it.each<[string, string, SaidLimit, string[]]>([
    [
      'each member of a team',
      'team:top',
      limit({ for: { kind: 'MEMBER' } }),
      ['team:top/user:alice'],
    ],
    ['a label with its own limit', 'label:feature=search', limit(), ['label:feature=search']],
    [
      'labels of a key',
      'org',
      limit({ for: { kind: 'LABEL', key: 'feature' } }),
      ['label:feature=search'],
    ],
    ['labels of another key', 'org', limit({ for: { kind: 'LABEL', key: 'feat' } }), []],
    ['a label with another value', 'label:feature=chat', limit(), []],
    ['a user’s own targets', 'user:alice', limit({ targets: ['gpt-*'] }), ['user:alice@gpt-*']],
    ['another user’s own targets', 'user:bob', limit({ targets: ['gpt-*'] }), []],
    ['targets of other calls', 'user:alice', limit({ targets: ['o1'] }), []],
    ['a template’s targets', 'tier:pro', limit({ targets: ['gpt-*'] }), ['user:alice@gpt-*']],
    [
      'another tier’s targets all the same',
      'tier:free',
      limit({ targets: ['gpt-*'] }),
      ['user:alice@gpt-*'],
    ],
    [
      ...([
        'a default’s targets',
        'org',
        limit({ for: { kind: 'TEAM' }, targets: ['*'] }),
      ] as const),
      ['team:red@*', 'team:top@*'],
    ],
    [
      ...([
        'members’ targets',
        'team:red',
        limit({ for: { kind: 'MEMBER' }, targets: ['*'] }),
      ] as const),
      ['team:red/user:alice@*'],
    ],
    ['the organization’s targets', 'org', limit({ targets: ['*'] }), ['org@*']],
    ['a disabled limit’s targets', 'org', limit({ targets: ['*'], enabled: false }), ['org@*']],
    ['no targets at all', 'user:alice', limit(), []],
  ])('also for %s', (_, subject, declared, more) => {
    const known = charged(said, everywhere);
    const names = charged({ ...said, policies: { [subject]: { limits: [declared] } } }, everywhere);
    expect(names.filter((name) => !known.includes(name)).toSorted()).toEqual(more);
  });

  it('to no member’s meter where no user is named', () => {
    const targets = ['gpt-*'];
    const limits = [
      limit({ for: { kind: 'MEMBER' } }),
      limit({ for: { kind: 'MEMBER' }, targets }),
    ];
    const policies = { 'team:red': { limits } };
    expect(charged({ ...said, policies }, { teams: ['red'] })).toEqual([
      'org',
      'team:red',
      'team:top',
    ]);
  });
});

const onlyFamily = (subject: string, said: SaidLimit) => {
  const [family, ...others] = familiesOf(policyOf(subject, { limits: [said] }));
  if (family === undefined || others.length > 0) throw new Error('expected one family');
  return family;
};

describe('families', () => {
  it('of one policy are each named once', () => {
    const limits = ['a', 'b', 'c'].map((name) => limit({ name, targets: ['o1'] }));
    expect(familiesOf(policyOf('org', { limits }))).toHaveLength(1);
    expect(familiesOf(policyOf('org', { limits: [limit()] }))).toEqual([]);
  });

  it('have unique names, and share a tag with their meters', () => {
    const families = [
      onlyFamily('org', limit({ targets: ['a'] })),
      onlyFamily('org', limit({ targets: ['a', 'b'] })),
      onlyFamily('org', limit({ targets: ['a'], for: { kind: 'USER' } })),
      onlyFamily('user:u', limit({ targets: ['a'] })),
      onlyFamily('team:t', limit({ targets: ['a'] })),
      onlyFamily('team:t', limit({ targets: ['a'], for: { kind: 'MEMBER' } })),
      onlyFamily('team:t', limit({ for: { kind: 'MEMBER' } })),
      onlyFamily('label:k=v', limit()),
      onlyFamily('org', limit({ for: { kind: 'LABEL', key: 'k' } })),
    ];
    expect(new Set(families.map(familyName)).size).toBe(families.length);
    for (const family of families) {
      const { kind, member, targets } = family;
      const meter = meterOf(
        { kind, id: family.id ?? 'any' },
        targets,
        member ? 'alice' : undefined,
      );
      expect(meterFamilyTag(meter)).toBe(familyTag(family));
    }
    expect(new Set(families.map(familyTag)).size).toBe(7);
  });

  it.each<[string, SaidLimit, string]>([
    ['user:u', limit({ targets: ['a', 'b'] }), 'user@a,b'],
    ['team:t', limit({ for: { kind: 'MEMBER' }, targets: ['a'] }), 'team/user@a'],
    ['label:k=v', limit(), 'label@'],
  ])(
    'of %s have a tag that does not change, since rows are stored with it',
    (subject, said, tag) => {
      expect(familyTag(onlyFamily(subject, said))).toBe(tag);
    },
  );
});

const ids = fc.string({
  minLength: 1,
  maxLength: 12,
  unit: fc.constantFrom(...'ab:@,/%=*2C'.split('')),
});
const kinds = fc.constantFrom(...subjectKinds.filter((kind) => kind !== 'org'));
const subjects = fc.record({ kind: kinds, id: ids });

const isDerivedName = (name: string): boolean | undefined => {
  const meter = parseMeterName(name);
  return meter && isDerived(meter);
};

describe('names', () => {
  it('of subjects are read back, composed or raw', () => {
    fc.assert(
      fc.property(subjects, (subject) => {
        expect(parseSubject(subjectText(subject))).toEqual(subject);
        expect(decodeId(encodeId(subject.id))).toBe(subject.id);
        expect(subjectName(subject)).not.toMatch(/[@,/]/);
      }),
    );
  });

  it.each(['', 'org:', 'user:', ':alice', 'person:alice', 'org:acme', 'alice', 'users'])(
    'do not begin with %j',
    (text) => {
      expect(parseSubject(text)).toBeUndefined();
    },
  );

  it('of meters are read back, with member and targets', () => {
    const targets = fc.uniqueArray(
      ids.filter((id) => !id.startsWith('group:')),
      { maxLength: 3 },
    );
    const meters = fc.oneof(
      fc.tuple(subjects, targets).map(([subject, of]) => meterOf(subject, of)),
      fc.tuple(ids, ids, targets).map(([id, user, of]) => meterOf({ kind: 'team', id }, of, user)),
    );
    fc.assert(
      fc.property(meters, (meter) => {
        expect(parseMeterName(meter.name)).toEqual(meter);
      }),
    );
  });

  it('of meters keep their targets sorted and once', () => {
    const meter = meterOf({ kind: 'user', id: 'alice' }, ['o1', 'group:a,b', 'gpt-4o', 'o1']);
    expect(meter.name).toBe('user:alice@gpt-4o,group:a%2Cb,o1');
    expect(meter.targets).toEqual(['gpt-4o', 'group:a,b', 'o1']);
    expect(parseMeterName('org')).toEqual(meterOf({ kind: 'org', id: '' }));
  });

  it.each([
    '',
    'alice',
    'user:',
    'user:a/user:b',
    'team:a/user:',
    'team:a/app:b',
    'team:a/app:bob',
    'org@',
    'team:a/user:b/user:c',
  ])('that are no meter’s are refused: %j', (name) => {
    expect(parseMeterName(name)).toBeUndefined();
  });

  it('of derived meters are those of labels, members and targets', () => {
    expect(['label:a=b', 'team:red/user:alice', 'org@o1'].map(isDerivedName)).toEqual([
      true,
      true,
      true,
    ]);
    expect(['org', 'team:red', 'user:alice'].map(isDerivedName)).toEqual([false, false, false]);
  });
});
