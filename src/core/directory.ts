/** Whether a registered subject may act. */
export type SubjectState = 'ACTIVE' | 'SUSPENDED';

/** A team; ancestors by `parent`, at most eight deep. */
export interface Team {
  readonly id: string;
  readonly displayName: string;
  readonly parent: string | undefined;
  readonly state: SubjectState;
}

/** A registered user with the teams and the tier that hold when a request names none. */
export interface User {
  readonly id: string;
  readonly displayName: string;
  readonly teams: readonly string[];
  readonly tier: string | undefined;
  readonly state: SubjectState;
}

/** A registered non-human or human caller. */
export interface Principal {
  readonly id: string;
  readonly displayName: string;
  readonly kind: 'AGENT' | 'SERVICE' | 'HUMAN';
  readonly namespace: string;
  readonly groups: readonly string[];
  readonly app: string | undefined;
  readonly purpose: string;
}

/** A registered application or customer. */
export interface Registered {
  readonly id: string;
  readonly displayName: string;
}

/** What a credential brings to a call: an API key (`key`) or a safe token (`token`). */
export interface Credential {
  readonly kind: 'key' | 'token';
  readonly id: string;
  readonly displayName: string;
  readonly user: string | undefined;
  readonly team: string | undefined;
  readonly principal: string | undefined;
  readonly app: string | undefined;
  readonly customer: string | undefined;
  /** Where a key is used, such as `production`; for people and lists. Undefined: not said. Tokens have none. */
  readonly environment?: string | undefined;
  /** Whose a token is. Undefined: of a key, which has none. */
  readonly namespace?: string | undefined;
  /** Without `model.invoke` a Check is refused. */
  readonly scopes: readonly string[];
  readonly state: 'ACTIVE' | 'DISABLED' | 'REVOKED';
  readonly expiresAtMs: number | undefined;
  /** The secret's last four characters, for display. */
  readonly lastFour: string;
}
