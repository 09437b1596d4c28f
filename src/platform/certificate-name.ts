import type { PeerCertificate } from 'node:tls';

/**
 * The name in a client certificate: its first URI (for example a SPIFFE id), else its first DNS name, else its common
 * name.
 */
export function certificateName(certificate: PeerCertificate | undefined): string | undefined {
  const names = alternativeNames(certificate?.subjectaltname ?? '');
  const named = (type: string): string | undefined => names.find(([of]) => of === type)?.[1];
  const commonName = certificate?.subject.CN;
  const first = Array.isArray(commonName) ? commonName[0] : commonName;
  return named('URI') ?? named('DNS') ?? first;
}

/**
 * The subject alternative names, as `type:name`. Node writes those with a comma or a quote in them as a JSON text, so that
 * no name can pass for two.
 */
function alternativeNames(text: string): readonly (readonly [type: string, name: string])[] {
  const found = text.matchAll(/(?:^|, )([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found].map(([, type = '', name = '']) => [type, unquoted(name)] as const);
}

function unquoted(name: string): string {
  if (!name.startsWith('"')) return name;
  const text: unknown = JSON.parse(name);
  return String(text);
}
