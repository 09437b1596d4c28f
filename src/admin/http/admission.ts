import type { Connection } from '../../connections/connections.ts';

/** A call until it is known who makes it. */
export interface Admission {
  /** Where the call comes from. */
  readonly peer: string;
  /** Notes that a known caller makes it. */
  known(): void;
  /**
   * Notes that the caller is unknown: the call is counted against its connection and its peer, unless the store
   * could not say whether its caller is known.
   */
  refused(isUndecided: boolean): void;
  /** As `refused`, for a secret or certificate that is not known. */
  failed(): void;
}

/** Counts the calls of strangers. */
export interface Admissions {
  /** Undefined: the call must not begin. */
  begin(connection: Connection, hasCredential: boolean): Admission | undefined;
}

/** Calls of one connection whose callers are being looked up, before any of its callers is known. */
const mostUndecided = 100;
/** What a call beyond them costs of a stranger's call: an honest client may have some thousands, a flood not more. */
const undecidedCost = 1 / 15;

/**
 * A call without a credential is counted before anything is done for it. One that presents a credential is counted
 * when its caller turns out to be unknown: so an honest client whose calls are reset by short deadlines is not
 * taken for an attacker. A client that resets calls could have any number of them looked up at once, so their
 * number is bounded until the connection is known.
 */
export function createAdmissions(): Admissions {
  const undecided = new WeakMap<Connection, number>();
  const add = (connection: Connection, change: number): void =>
    void undecided.set(connection, (undecided.get(connection) ?? 0) + change);
  return {
    begin(connection, hasCredential) {
      const { peer } = connection;
      if (!hasCredential) {
        if (!connection.countStrangerCall()) return undefined;
        const nothing = (): void => undefined;
        return { peer, known: nothing, refused: nothing, failed: nothing };
      }
      if (!connection.isKnown && (undecided.get(connection) ?? 0) >= mostUndecided) {
        connection.countStrangerCall(undecidedCost);
        return undefined;
      }
      add(connection, 1);
      let isDecided = false;
      const decide = (): boolean => {
        if (isDecided) return false;
        isDecided = true;
        add(connection, -1);
        return true;
      };
      return {
        peer,
        known() {
          decide();
          connection.isKnown = true;
        },
        refused(isUndecided) {
          if (decide() && !isUndecided) connection.countStrangerCall();
        },
        failed() {
          if (decide()) connection.countFailedSignIn();
        },
      };
    },
  };
}
