import type { PeerCertificate } from 'node:tls';

/** The name that a client certificate bears: its first URI (a SPIFFE id, say), else its common name. */
export function certificateName(certificate: PeerCertificate | undefined): string | undefined {
  const uri = certificate?.subjectaltname
    ?.split(', ')
    .find((name) => name.startsWith('URI:'))
    ?.slice('URI:'.length);
  const commonName = certificate?.subject.CN;
  return uri ?? (Array.isArray(commonName) ? commonName[0] : commonName);
}
