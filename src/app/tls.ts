import type { Settings } from '../config.ts';

/** The certificate of all ports; undefined: they speak without TLS. */
export function tlsOf({ tlsCertificate, tlsKey, tlsClientCa }: Settings) {
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined;
  return { certificate: tlsCertificate, key: tlsKey, clientCa: tlsClientCa };
}
