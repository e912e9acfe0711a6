import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Reader } from '../metadata/reader.ts';
import { findRole } from '../metadata/roles.ts';
import { trusts } from './policy/evaluate.ts';
import type { PolicyDocuments } from './policy/policy-documents.ts';
import { ALPHANUMERIC, randomText } from './random-text.ts';
import type { Session, SessionTokens } from './session-token.ts';

/** What sessions are made with. */
export interface SessionParts {
  readonly reader: Reader;
  readonly tokens: SessionTokens;
  /** The clock that sessions expire by. */
  readonly clock: Clock;
  readonly random: Random;
  readonly documents: PolicyDocuments;
}

export interface AssumeRoleRequest {
  readonly accountId: string;
  /** In any case. */
  readonly roleName: string;
  /** ARN of the user, or of the role of the session, that asks. */
  readonly assumedBy: string;
  /** What conditions of the trust policy can ask about. */
  readonly context: Readonly<Record<string, string>>;
  readonly sessionName: string;
  readonly durationS: number;
  readonly sourceIdentity: string;
  readonly policy: string;
}

/** A new session and its credentials, which nobody keeps but the caller. */
export interface NewSession {
  readonly session: Session;
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

export type AssumeRoleVerdict = NewSession | 'role-missing' | 'not-trusted' | { readonly durationMaxS: number };

/** 24 random characters: 142 bits. */
const KEY_ID_LENGTH = 24;
/** 44 characters: 261 bits. */
const SECRET_LENGTH = 44;

/**
 * Starts a session of a role, if the role's trust policy lets the asking principal in. Whether that principal's own policies
 * allow it to ask is decided before. Source: facts.md 6.4 and 6.5.
 */
export async function assumeRole(parts: SessionParts, request: AssumeRoleRequest): Promise<AssumeRoleVerdict> {
  const { reader, tokens, clock, random, documents } = parts;
  const { accountId, assumedBy, sessionName, sourceIdentity, policy, durationS } = request;
  const role = await findRole(reader, accountId, request.roleName);
  if (role === undefined) return 'role-missing';
  const principal = { kind: 'RAM', name: assumedBy } as const;
  if (!trusts(documents.trustPolicy(role.trustPolicy), principal, request.context)) return 'not-trusted';
  if (durationS > role.maxSessionDurationS) return { durationMaxS: role.maxSessionDurationS };
  const issuedMs = clock.nowMs();
  const session: Session = {
    accessKeyId: `STS.${randomText(random, ALPHANUMERIC, KEY_ID_LENGTH)}`,
    accountId,
    roleName: role.roleName,
    roleId: role.roleId,
    sessionName,
    assumedBy,
    issuedMs,
    // Whole seconds, as `Expiration` shows them.
    expiresMs: (Math.floor(issuedMs / 1000) + durationS) * 1000,
    sourceIdentity,
    policy,
  };
  const accessKeySecret = randomText(random, ALPHANUMERIC, SECRET_LENGTH);
  return { session, accessKeySecret, securityToken: tokens.seal(session, accessKeySecret) };
}
