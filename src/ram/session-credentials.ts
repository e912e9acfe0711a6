import { findAccount } from '../metadata/accounts.ts';
import { sessionArn } from './arn.ts';
import type { SessionParts } from './assume-role.ts';
import { isSessionKeyId } from './session-token.ts';
import type { Session } from './session-token.ts';
import { sessionEnd } from './session-end.ts';

/** A temporary AccessKey with the secret to check signatures with. */
export interface SessionCredential {
  /** UTF-8 bytes, wiped by the receiver. */
  readonly secret: Uint8Array;
  readonly caller: {
    readonly accountId: string;
    /** `acs:ram::<account>:role/<role>/<session>` */
    readonly arn: string;
    readonly principalType: 'AssumedRoleUser';
    readonly accessKeyId: string;
    readonly session: Session;
    readonly sessionPolicy?: string;
  };
  readonly regionId: string;
  readonly active: true;
  /** Told only to who signs correctly. */
  readonly ended: 'expired' | 'revoked' | undefined;
}

/** What is wrong with the token, known without its secret. */
export interface TokenRefusal {
  readonly token: 'missing' | 'malformed' | 'mismatch';
}

/** Finds temporary AccessKeys by their security tokens: nothing of them is stored. */
export class SessionCredentials {
  readonly #parts: Omit<SessionParts, 'random'>;

  constructor(parts: Omit<SessionParts, 'random'>) {
    this.#parts = parts;
  }

  /** Undefined when no temporary AccessKey can have this id. */
  async find(accessKeyId: string, token: string | undefined): Promise<SessionCredential | TokenRefusal | undefined> {
    if (!isSessionKeyId(accessKeyId)) return undefined;
    if (token === undefined || token === '') return { token: 'missing' };
    const { reader, tokens, clock, documents } = this.#parts;
    const opened = tokens.open(token);
    if (opened === undefined) return { token: 'malformed' };
    const { session, secret } = opened;
    if (session.accessKeyId !== accessKeyId) {
      secret.fill(0);
      return { token: 'mismatch' };
    }
    const account = await findAccount(reader, session.accountId);
    // The database may be older than the token: then the role is gone with its account.
    const ended = account === undefined ? 'revoked' : await sessionEnd(reader, session, clock.nowMs(), documents);
    return {
      secret,
      caller: {
        accountId: session.accountId,
        arn: sessionArn(session.accountId, session.roleName, session.sessionName),
        principalType: 'AssumedRoleUser',
        accessKeyId,
        session,
        ...(session.policy === '' ? {} : { sessionPolicy: session.policy }),
      },
      regionId: account?.regionId ?? '',
      active: true,
      ended,
    };
  }
}
