import { constants } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { ConnectionMetrics, CutReason } from './connection-metrics.ts';
import { burstSeconds, createPeers } from './peers.ts';
import type { PeerLimits, PeerShare } from './peers.ts';
import { createTokenBucket } from './token-bucket.ts';

/** What strangers may do with a port. */
export interface ConnectionLimits extends PeerLimits {
  /** How long a connection may stay without a call before a caller is known on it. */
  readonly greetingTimeoutMs: number;
}

/** One connection of a port. */
export interface Connection {
  readonly socket: Socket;
  /** Names the peer: its address, or its network of IPv6. */
  readonly peer: string;
  /** The address of the other end, which may be a proxy; an address of IPv4 in its own form. */
  readonly address: string;
  /** Set once it speaks HTTP/2. */
  session: ServerHttp2Session | undefined;
  /** Whether a known caller has used it. */
  isKnown: boolean;
  /** Calls that have begun and not ended. */
  readonly openCalls: number;
  unreadBytes: number;
  callBegan(): void;
  callEnded(): void;
  /** The client's certificate, if its authority was verified. Read once: it is the connection's. */
  readonly certificate: () => PeerCertificate | undefined;
  /**
   * Counts a call of an unknown caller, or a part of one. Cuts the connection when there were too many; whether it
   * goes on.
   */
  countStrangerCall(cost?: number): boolean;
  /**
   * As `countStrangerCall`, for a call with a wrong secret. A connection on which a caller is known is not cut for it:
   * others may share it, as behind a proxy.
   */
  countFailedSignIn(): boolean;
}

/** The connections of a port. */
export interface Connections {
  /** Takes a new socket in, or destroys it. */
  accept(socket: Socket): void;
  /** Notes that the TLS handshake of a connection is complete. */
  secured(socket: TLSSocket): void;
  /** The open connection of a socket; TLS and HTTP/2 give other objects for the same socket. */
  find(socket: Ends): Connection | undefined;
  all(): Iterable<Connection>;
  cutAll(): void;
}

/** The two ends of a socket: with TLS and HTTP/2 a request knows its connection by nothing else. */
export type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

interface Open extends Connection {
  openCalls: number;
  /** Calls that have begun since it was last looked at. */
  newCalls: number;
  tls: TLSSocket | undefined;
}

/** No connections yet. */
export function createConnections(
  limits: ConnectionLimits,
  metrics: ConnectionMetrics,
): Connections {
  const peers = createPeers(limits);
  const byAddress = new Map<string, Open>();
  return {
    accept(socket) {
      const share = peers.enter(socket.remoteAddress ?? '');
      if (typeof share === 'string') {
        metrics.refused(share);
        socket.destroy();
        return;
      }
      const key = keyOf(socket);
      const open = createOpen(socket, share, limits, metrics);
      byAddress.set(key, open);
      metrics.opened();
      const stopLooking = cutIfSilent(open, limits.greetingTimeoutMs, metrics);
      socket.once('close', () => {
        stopLooking();
        share.leave();
        metrics.closed();
        if (byAddress.get(key) === open) byAddress.delete(key);
      });
    },
    secured(socket) {
      // https://github.com/nodejs/node/issues/35824
      socket.on('error', () => socket.destroy());
      const open = byAddress.get(keyOf(socket));
      if (open !== undefined) open.tls = socket;
    },
    find: (ends) => byAddress.get(keyOf(ends)),
    all: () => byAddress.values(),
    cutAll() {
      for (const { session, socket } of byAddress.values()) {
        session?.destroy(undefined, constants.NGHTTP2_CANCEL);
        socket.destroy();
      }
    },
  };
}

function createOpen(
  socket: Socket,
  share: PeerShare,
  limits: ConnectionLimits,
  metrics: ConnectionMetrics,
): Open {
  const strangers = createTokenBucket(limits.strangerCalls, limits.strangerCalls * burstSeconds);
  let certificate: { readonly value: PeerCertificate | undefined } | undefined;
  const open: Open = {
    socket,
    peer: share.peer,
    address: (socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/, ''),
    session: undefined,
    tls: undefined,
    isKnown: false,
    openCalls: 0,
    newCalls: 0,
    unreadBytes: 0,
    callBegan() {
      open.openCalls += 1;
      open.newCalls += 1;
    },
    callEnded: () => void (open.openCalls -= 1),
    certificate: () => (certificate ??= { value: verifiedCertificate(open.tls) }).value,
    countStrangerCall(cost = 1) {
      const isPeerCalm = share.takeStrangerCall(cost);
      // A connection of a known caller answers for itself alone.
      const isCalm = strangers.take(cost) && (isPeerCalm || open.isKnown);
      if (!isCalm) cut(open, 'strangers', metrics);
      return isCalm;
    },
    countFailedSignIn: () => open.isKnown || open.countStrangerCall(),
  };
  return open;
}

function cutIfSilent(open: Open, greetingTimeoutMs: number, metrics: ConnectionMetrics) {
  const looking = setInterval(() => {
    const isQuiet = open.openCalls === 0 && open.newCalls === 0;
    open.newCalls = 0;
    if (open.isKnown) clearInterval(looking);
    else if (isQuiet) cut(open, 'silent', metrics);
  }, greetingTimeoutMs);
  return () => clearInterval(looking);
}

function cut(open: Open, reason: CutReason, metrics: ConnectionMetrics): void {
  if (open.socket.destroyed) return;
  metrics.cut(reason);
  open.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  open.socket.destroy();
}

function keyOf({ remoteAddress, remotePort }: Ends): string {
  return `${remoteAddress} ${remotePort}`;
}

function verifiedCertificate(socket: TLSSocket | undefined): PeerCertificate | undefined {
  if (socket?.authorized !== true) return undefined;
  const certificate = socket.getPeerCertificate();
  return 'raw' in certificate ? certificate : undefined;
}
