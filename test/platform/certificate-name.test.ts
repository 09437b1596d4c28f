import type { PeerCertificate } from 'node:tls';
import { expect, test } from 'vitest';
import { certificateName } from '../../src/platform/certificate-name.ts';

const nameOf = (subjectaltname: string | undefined, CN: string | string[] = 'edge') =>
  certificateName({ subject: { CN }, subjectaltname } as unknown as PeerCertificate);

test('the first URI comes before the first DNS name, and that before the common name', () => {
  expect(nameOf('DNS:a.example, URI:spiffe://x/edge, URI:spiffe://x/other')).toBe(
    'spiffe://x/edge',
  );
  expect(nameOf('IP Address:127.0.0.1, DNS:a.example, DNS:b.example')).toBe('a.example');
  expect(nameOf('IP Address:127.0.0.1')).toBe('edge');
  expect(nameOf(undefined, ['one', 'two'])).toBe('one');
  expect(certificateName(undefined)).toBeUndefined();
});

// Red before: names were cut at each comma, so that a DNS name could bring a URI of its own.
test('a name that contains another one is one name', () => {
  expect(nameOf('DNS:"a, URI:spiffe://x/root", DNS:b.example')).toBe('a, URI:spiffe://x/root');
  expect(nameOf('DNS:"a\\", URI:spiffe://x/root", URI:spiffe://x/edge')).toBe('spiffe://x/edge');
});
