import type { PeerCertificate } from 'node:tls';

/** The name in a client certificate: its first URI (for example a SPIFFE id), else its common name. */
export function certificateName(certificate: PeerCertificate | undefined): string | undefined {
  const uri = certificate?.subjectaltname
    ?.split(', ')
    .find((name) => name.startsWith('URI:'))
    ?.slice('URI:'.length);
  const commonName = certificate?.subject.CN;
  return uri ?? (Array.isArray(commonName) ? commonName[0] : commonName);
}
