import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ConnectionRefusal } from './peers.ts';

/** Why a connection that had been accepted is cut. */
export type CutReason = 'silent' | 'strangers';

/** Counts the connections of the data port. */
export interface ConnectionMetrics {
  opened(): void;
  closed(): void;
  refused(reason: ConnectionRefusal): void;
  cut(reason: CutReason): void;
  /** Bytes of messages that have not come whole. */
  unread(bytes: number): void;
}

/** Registers them; once a registry. */
export function createConnectionMetrics(registry: Registry): ConnectionMetrics {
  const registers = [registry];
  const open = new Gauge({
    name: 'tollgate_data_connections',
    help: 'Open connections of the data port.',
    registers,
  });
  const refused = new Counter({
    name: 'tollgate_data_connections_refused_total',
    help: 'Connections of the data port that were closed at once: too many in total, of one peer, or of strangers.',
    labelNames: ['reason'],
    registers,
  });
  const cut = new Counter({
    name: 'tollgate_data_connections_cut_total',
    help: 'Connections of the data port that were cut: silent ones, and those with too many calls of strangers.',
    labelNames: ['reason'],
    registers,
  });
  const unread = new Gauge({
    name: 'tollgate_data_unread_bytes',
    help: 'Bytes of requests that have not come whole.',
    registers,
  });
  return {
    opened: () => open.inc(),
    closed: () => open.dec(),
    refused: (reason) => refused.inc({ reason }),
    cut: (reason) => cut.inc({ reason }),
    unread: (bytes) => unread.set(bytes),
  };
}
