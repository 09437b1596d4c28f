import { isIPv6 } from 'node:net';
import { createTokenBucket } from './token-bucket.ts';
import type { TokenBucket } from './token-bucket.ts';

/** What the connections of one peer address may do together. */
export interface PeerLimits {
  readonly maxConnections: number;
  readonly maxPeerConnections: number;
  /** Calls a second of unknown callers, on one connection. */
  readonly strangerCalls: number;
}

/** Seconds of `strangerCalls` that may be used at once. */
export const burstSeconds = 2;
/** A peer may be many gateways behind one address. */
const connectionsPerPeer = 5;
/** A peer with less than this part of its calls of strangers left has its new connections slowed, */
const calmShare = 0.25;
/** to so many a second: its honest clients come through by and by, a flood does not. */
const slowAccepts = 20;
const mostRemembered = 10_000;

/** A peer's share, held by one connection. */
export interface PeerShare {
  /** Names the peer: its address, or its network of IPv6. */
  readonly peer: string;
  /** Counts a call of an unknown caller; returns whether the peer may still make such calls. */
  takeStrangerCall(cost: number): boolean;
  leave(): void;
}

/** Why a connection is refused. */
export type ConnectionRefusal = 'total' | 'peer' | 'strangers';

/** Counts connections and calls of strangers by address. */
export interface Peers {
  enter(address: string): PeerShare | ConnectionRefusal;
}

interface Peer {
  connections: number;
  readonly strangers: TokenBucket;
  readonly accepts: TokenBucket;
}

/** Remembers a peer while it has connections, and at most ten thousand that have gone. */
export function createPeers(limits: PeerLimits, nowMs?: () => number): Peers {
  const peers = new Map<string, Peer>();
  const perSecond = limits.strangerCalls * connectionsPerPeer;
  let connections = 0;

  function peerOf(key: string): Peer {
    const found = peers.get(key);
    if (found !== undefined) return found;
    const peer = {
      connections: 0,
      strangers: createTokenBucket(perSecond, perSecond * burstSeconds, nowMs),
      accepts: createTokenBucket(slowAccepts, slowAccepts, nowMs),
    };
    peers.set(key, peer);
    return peer;
  }

  return {
    enter(address) {
      if (connections >= limits.maxConnections) return 'total';
      const key = networkOf(address);
      const peer = peerOf(key);
      if (peer.connections >= limits.maxPeerConnections) return 'peer';
      const isCalm = peer.strangers.level() >= perSecond * burstSeconds * calmShare;
      if (!isCalm && !peer.accepts.take()) return 'strangers';
      connections += 1;
      peer.connections += 1;
      return {
        peer: key,
        takeStrangerCall: (cost) => peer.strangers.take(cost),
        leave() {
          connections -= 1;
          peer.connections -= 1;
          forgetOldest(peers);
        },
      };
    },
  };
}

/** Forgets the oldest of those that have gone, when there are too many to remember. */
function forgetOldest(peers: Map<string, Peer>): void {
  if (peers.size <= mostRemembered) return;
  for (const [key, peer] of peers) {
    if (peer.connections > 0) continue;
    peers.delete(key);
    return;
  }
}

/** An address of IPv6 is one of 2^64 that its owner can use: the network counts. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === '' ? [] : tail.split(':');
  const missing = address.includes('::') ? Math.max(0, 8 - groups.length - rest.length) : 0;
  const all = [...groups, ...Array<string>(missing).fill('0'), ...rest];
  return all.slice(0, 4).join(':');
}
