import { constants } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { PeerCertificate } from 'node:tls';
import type { ConnectionMetrics, CutReason } from './connection-metrics.ts';
import { burstSeconds, createPeers } from './peers.ts';
import type { PeerLimits, PeerShare } from './peers.ts';
import { createTokenBucket } from './token-bucket.ts';

/** What strangers may do with the data port. */
export interface ConnectionLimits extends PeerLimits {
  /** How long a connection may stay open before a caller is known on it, unless a call is open on it. */
  readonly greetingTimeoutMs: number;
}

/** One connection of the data port. */
export interface Connection {
  /** Whether a known caller has used it. */
  isKnown: boolean;
  openStreams: number;
  unreadBytes: number;
  /** The client's certificate, if its authority was verified. Read once: it is the connection's. */
  readonly certificate: () => PeerCertificate | undefined;
  /** Counts a call of nobody known. Cuts the connection when there were too many; whether it goes on. */
  countStrangerCall(): boolean;
}

/** The connections of a port. */
export interface Connections {
  /** Takes a new socket in, or destroys it. */
  accept(socket: Socket): void;
  /** The connection of a session that has begun on one of the sockets. */
  begin(session: ServerHttp2Session): Connection | undefined;
  /** Lets calls end, and cuts sockets without a session. */
  end(): void;
  cutAll(): void;
}

interface Open extends Connection {
  readonly socket: Socket;
  session: ServerHttp2Session | undefined;
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
      const stopListening = cutIfSilent(open, limits.greetingTimeoutMs, metrics);
      socket.once('close', () => {
        stopListening();
        share.leave();
        metrics.closed();
        if (byAddress.get(key) === open) byAddress.delete(key);
      });
    },
    begin(session) {
      const open = byAddress.get(keyOf(session.socket));
      if (open !== undefined) open.session = session;
      return open;
    },
    end() {
      for (const { session, socket } of byAddress.values()) {
        if (session === undefined) socket.destroy();
        else session.close();
      }
    },
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
    session: undefined,
    isKnown: false,
    openStreams: 0,
    unreadBytes: 0,
    certificate: () => (certificate ??= { value: verifiedCertificate(open.session) }).value,
    countStrangerCall() {
      const isPeerCalm = share.takeStrangerCall();
      // A connection of a known caller answers for itself alone.
      const isCalm = strangers.take() && (isPeerCalm || open.isKnown);
      if (!isCalm) cut(open, 'strangers', metrics);
      return isCalm;
    },
  };
  return open;
}

function cutIfSilent(open: Open, greetingTimeoutMs: number, metrics: ConnectionMetrics) {
  const looking = setInterval(() => {
    if (open.isKnown) clearInterval(looking);
    else if (open.openStreams === 0) cut(open, 'silent', metrics);
  }, greetingTimeoutMs);
  return () => clearInterval(looking);
}

function cut(open: Open, reason: CutReason, metrics: ConnectionMetrics): void {
  if (open.socket.destroyed) return;
  metrics.cut(reason);
  open.session?.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  open.socket.destroy();
}

/** The other end: with TLS a session knows its socket by nothing else. */
function keyOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) {
  return `${remoteAddress} ${remotePort}`;
}

function verifiedCertificate(session: ServerHttp2Session | undefined): PeerCertificate | undefined {
  const socket = session?.socket;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  return 'raw' in certificate ? certificate : undefined;
}
