import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { ConnectionRefusal } from './peers.ts';

/** Why a connection that had been accepted is cut. */
export type CutReason = 'silent' | 'strangers';

/** Counts the connections of one port. */
export interface ConnectionMetrics {
  opened(): void;
  closed(): void;
  refused(reason: ConnectionRefusal): void;
  cut(reason: CutReason): void;
  /** Bytes of requests that have not arrived completely. */
  unread(bytes: number): void;
}

/** The ports of a process. */
export type PortName = 'data' | 'admin' | 'metrics';

/** Registers the metrics of all ports, once per registry; what it returns gives those of one port. */
export function createConnectionMetrics(registry: Registry): (port: PortName) => ConnectionMetrics {
  const registers = [registry];
  const open = new Gauge({
    name: 'tollgate_connections',
    help: 'Open connections.',
    labelNames: ['port'],
    registers,
  });
  const refused = new Counter({
    name: 'tollgate_connections_refused_total',
    help: 'Connections that were closed at once: too many in total, of one peer, or of strangers.',
    labelNames: ['port', 'reason'],
    registers,
  });
  const cut = new Counter({
    name: 'tollgate_connections_cut_total',
    help: 'Connections that were cut: silent ones, and those with too many calls of strangers.',
    labelNames: ['port', 'reason'],
    registers,
  });
  const unread = new Gauge({
    name: 'tollgate_unread_bytes',
    help: 'Bytes of requests that have not arrived completely.',
    labelNames: ['port'],
    registers,
  });
  return (port) => ({
    opened: () => open.inc({ port }),
    closed: () => open.dec({ port }),
    refused: (reason) => refused.inc({ port, reason }),
    cut: (reason) => cut.inc({ port, reason }),
    unread: (bytes) => unread.set({ port }, bytes),
  });
}
