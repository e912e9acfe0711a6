import { findRole } from '../metadata/roles.ts';
import { findSessionEnd } from '../metadata/session-ends.ts';
import type { Reader } from '../metadata/reader.ts';
import type { TrustStatement } from './policy/document.ts';
import { trusts } from './policy/evaluate.ts';
import type { PolicyDocuments } from './policy/policy-documents.ts';
import type { Session } from './session-token.ts';

/**
 * Why a session is over, or undefined while it is good. Its time may be up; the role may be gone, or be another one of the
 * same name; the role's trust policy may no longer name who assumed it; its sessions may have been ended
 * (`RevokeRoleSessions`). Read anew for each request: an end counts from the next one.
 */
export async function sessionEnd(
  reader: Reader,
  session: Session,
  nowMs: number,
  documents: PolicyDocuments,
): Promise<'expired' | 'revoked' | undefined> {
  if (nowMs >= session.expiresMs) return 'expired';
  const role = await findRole(reader, session.accountId, session.roleName);
  if (role === undefined || role.roleId !== session.roleId) return 'revoked';
  if (!stillNames(documents.trustPolicy(role.trustPolicy), session.assumedBy)) return 'revoked';
  const end = await findSessionEnd(reader, role.roleId);
  return end !== undefined && session.issuedMs <= end.endedMs ? 'revoked' : undefined;
}

/**
 * Whether a trust policy, conditions aside, still lets `assumedBy` in. Conditions were asked when the role was assumed (an
 * external id is not sent again); a Deny that depends on one does not end sessions.
 */
function stillNames(statements: readonly TrustStatement[], assumedBy: string): boolean {
  const always = statements.filter(({ effect, conditions }) => effect === 'Allow' || conditions.length === 0);
  const unconditional = always.map((statement) => ({ ...statement, conditions: [] }));
  return trusts(unconditional, { kind: 'RAM', name: assumedBy }, {});
}
