/** The kinds of subject a limit can attach to, in path order: own credentials first, the organization last. */
export const subjectKinds = [
  'token',
  'key',
  'user',
  'principal',
  'app',
  'customer',
  'label',
  'tier',
  'team',
  'org',
] as const;

export type SubjectKind = (typeof subjectKinds)[number];

/** One subject. The organization's id is empty; a label's id is `key=value`. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly id: string;
}

/** The organization itself as a subject. */
export const orgSubject: Subject = { kind: 'org', id: '' };

/** Percent-encodes what would be read as structure inside a composed name: `@ , / %`. */
export function encodeId(id: string): string {
  return id.replace(/[@,/%]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Reads what `encodeId` wrote; other text is left as it is. */
export function decodeId(text: string): string {
  return text.replace(/%(40|2C|2F|25)/gi, (_, code: string) =>
    String.fromCharCode(parseInt(code, 16)),
  );
}

/** The composed form of a subject, `user:alice%40example.com`, as it stands in limit and meter names. */
export function subjectName(subject: Subject): string {
  return subject.kind === 'org' ? 'org' : `${subject.kind}:${encodeId(subject.id)}`;
}

/** The raw form of a subject, `user:alice@example.com`, as requests and policies write it. */
export function subjectText(subject: Subject): string {
  return subject.kind === 'org' ? 'org' : `${subject.kind}:${subject.id}`;
}

/** Reads the raw form; undefined when it is not `org` or `kind:id` of a known kind. */
export function parseSubject(text: string): Subject | undefined {
  if (text === 'org') return orgSubject;
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1) return undefined;
  const kind = subjectKinds.find((known) => known === text.slice(0, colon));
  if (kind === undefined || kind === 'org') return undefined;
  return { kind, id: text.slice(colon + 1) };
}
