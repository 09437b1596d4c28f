import { createHash } from 'node:crypto';
import type { Limit } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { ServiceError } from '../../platform/service-error.ts';

/** The etag of a limit: it changes with what the limit says, and with nothing else in the policy. `0`: no limit. */
export function limitEtag(limit: Limit | undefined): string {
  if (limit === undefined) return '0';
  const { name, metric, window, amount, action, thresholds, targets, enabled } = limit;
  const whom = limit.for.kind === 'LABEL' ? `LABEL:${limit.for.key}` : limit.for.kind;
  const facts = [
    name,
    metric,
    window,
    amount?.toString(),
    action,
    thresholds,
    whom,
    targets,
    enabled,
  ];
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest();
  return String(hash.readUIntBE(0, 6) + 1);
}

/** ABORTED `ETAG_MISMATCH` if a change names another etag than that of the limit as it is. Empty names none. */
export function requireLimitEtag(
  subject: Subject,
  name: string,
  present: Limit | undefined,
  etag: string,
): void {
  const current = limitEtag(present);
  if (etag === '' || etag === current) return;
  const whole = `${subjectText(subject)}/${name}`;
  const message = `${whole}: it has changed since; its etag is ${current}`;
  throw new ServiceError('ETAG_MISMATCH', message, { metadata: { name: whole, etag: current } });
}
