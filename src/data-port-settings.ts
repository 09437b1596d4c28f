import { bytes, count, duration, setting } from './platform/setting.ts';

const second = 1000;
const hour = 3_600 * second;
const KiB = 1024;

/** The part of the settings that is about the data port's streams and connections. */
export const dataPortSettings = {
  sessionMessages: setting(
    'TOLLGATE_SESSION_MESSAGES',
    '256',
    count(1, 65_536),
    'Messages of one Session under way; more are not read until answers are taken.',
  ),
  sessionStallMs: setting(
    'TOLLGATE_SESSION_STALL',
    '10s',
    duration(10, hour),
    'How long a Session may leave its answers untaken before it is cut.',
  ),
  keepaliveTimeMs: setting(
    'TOLLGATE_KEEPALIVE_TIME',
    '60s',
    duration(second, 24 * hour),
    'How often a quiet connection is pinged.',
  ),
  keepaliveTimeoutMs: setting(
    'TOLLGATE_KEEPALIVE_TIMEOUT',
    '20s',
    duration(second, hour),
    'How long a ping may stay unanswered.',
  ),
  maxConnections: setting(
    'TOLLGATE_MAX_CONNECTIONS',
    '4096',
    count(1, 1_000_000),
    'Open connections of the data port; more are closed at once.',
  ),
  maxPeerConnections: setting(
    'TOLLGATE_MAX_PEER_CONNECTIONS',
    '1024',
    count(1, 1_000_000),
    'Those of one peer address (of one /64 of IPv6).',
  ),
  maxStreams: setting(
    'TOLLGATE_MAX_STREAMS',
    '1000',
    count(1, 100_000),
    'Calls of one HTTP/2 connection at once, on either port; clients keep the next ones waiting.',
  ),
  greetingTimeoutMs: setting(
    'TOLLGATE_GREETING_TIMEOUT',
    '10s',
    duration(10, hour),
    'How long a connection may be without a call before a known caller has used it.',
  ),
  strangerCalls: setting(
    'TOLLGATE_STRANGER_CALLS',
    '100',
    count(1, 1_000_000),
    'Calls a second without a known caller (refused, reset, health, reflection, metrics) on one ' +
      'connection, twice as many at once; five times as many of one peer address. Beyond that it is cut.',
  ),
  maxUnreadBytes: setting(
    'TOLLGATE_MAX_UNREAD',
    '64MiB',
    bytes(64 * KiB, 64 * KiB * KiB * KiB),
    'Bytes of data-plane requests that have not arrived completely; one connection may use a quarter.',
  ),
};
