import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { familiesOf, maxFamiliesOfPolicy } from '../../core/meters.ts';
import type { Access, Bypass, Policy } from '../../core/policy.ts';
import { parseSubject } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { readEnum, readInstant, readText } from './fields.ts';
import { readLimits, readTargets } from './limits.ts';
import { idFault } from '../fields.ts';
import type { Violations } from '../violations.ts';

export const accessModes = ['NARROW', 'REPLACE'] as const;

/** Entries of an allow list or a deny list. */
export const maxAccessEntries = 256;
/** Characters of the notes of a policy. */
export const maxNotes = 2000;

/** Reads a subject in its raw form; `label:key=value` needs its `=`. */
export function readSubject(violations: Violations, field: string, text: string): Subject {
  const subject = parseSubject(text);
  if (subject === undefined) {
    violations.add(field, 'must be org, or kind:id of a known kind');
    return { kind: 'org', id: '' };
  }
  const fault = subject.kind === 'org' ? undefined : idFault(subject.id);
  if (fault !== undefined) violations.add(field, fault);
  else if (subject.kind === 'label' && !/^[^=]+=/.test(subject.id)) {
    violations.add(field, 'must be label:<key>=<value>');
  }
  return subject;
}

/** Reads a policy in full; `at` is its field. Its revision is the store's to give. */
export function policyFromMessage(
  violations: Violations,
  message: messages.Policy,
  at = 'policy',
): Policy {
  const subject = readSubject(violations, `${at}.subject`, message.subject);
  const limits = readLimits(violations, `${at}.limits`, message.limits, subject);
  if (familiesOf({ subject, limits }).length > maxFamiliesOfPolicy) {
    const counted = 'combinations of applies_to and targets that are counted apart';
    violations.add(`${at}.limits`, `must have at most ${maxFamiliesOfPolicy} ${counted}`);
  }
  const notes = readText(violations, `${at}.notes`, message.notes, maxNotes);
  return {
    subject,
    revision: 0,
    limits,
    access: message.access && readAccess(violations, `${at}.access`, message.access, subject),
    bypass: message.bypass && readBypass(violations, at, message.bypass, subject, notes),
    notes,
  };
}

function readAccess(
  violations: Violations,
  at: string,
  message: messages.Access,
  subject: Subject,
): Access {
  if (subject.kind === 'customer' || subject.kind === 'label') {
    violations.add(at, `must be absent on a ${subject.kind}`);
  }
  if (message.maxTier !== undefined && message.maxTier < 0) {
    violations.add(`${at}.max_tier`, 'must not be negative');
  }
  const mode = readEnum(violations, `${at}.mode`, message.mode, accessModes, 'NARROW');
  if (mode === 'REPLACE' && subject.kind !== 'user') {
    violations.add(`${at}.mode`, 'may be REPLACE on a user alone');
  }
  return {
    allow: readTargets(violations, `${at}.allow`, message.allow, maxAccessEntries),
    deny: readTargets(violations, `${at}.deny`, message.deny, maxAccessEntries),
    maxTier: message.maxTier,
    mode,
  };
}

function readBypass(
  violations: Violations,
  policyAt: string,
  message: messages.Bypass,
  subject: Subject,
  notes: string,
): Bypass {
  const at = `${policyAt}.bypass`;
  if (subject.kind !== 'user' && subject.kind !== 'principal' && subject.kind !== 'key') {
    violations.add(at, 'may stand on a user, principal or key alone');
  }
  if (notes.trim() === '')
    violations.add(`${policyAt}.notes`, 'is required beside a bypass: say why');
  const { cost, rate, tokens, models } = message;
  const untilMs = readInstant(violations, `${at}.expire_time`, message.expireTime);
  return { cost, rate, tokens, models, untilMs };
}
