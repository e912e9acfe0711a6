import { isoSeconds } from '../base/clock.ts';
import type { Reader } from '../metadata/reader.ts';
import { parseArn } from './arn.ts';
import { attachedPolicies } from './attached-policies.ts';
import { evaluate } from './policy/evaluate.ts';
import type { Access, Decision } from './policy/evaluate.ts';

/** Who signed a request; the part of the front door's caller that policies see. */
export interface Signer {
  readonly accountId: string;
  readonly arn: string;
  readonly principalType: 'Account' | 'RAMUser' | 'AssumedRoleUser';
}

/** What policy conditions can ask about a request. */
export interface RequestFacts {
  readonly nowMs: number;
  readonly sourceIp: string;
  readonly secureTransport: boolean;
}

export type AuthorizationDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly denied: Access; readonly reason: 'ImplicitDeny' | 'ExplicitDeny' };

/** Decides what the signer of a request may do: the front door's `Authorizer` (src/rpc/ports.ts). */
export class PolicyAuthorizer {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Whether all of `access` is allowed; otherwise the first that is not. */
  async decide(signer: Signer, access: readonly Access[], facts: RequestFacts): Promise<AuthorizationDecision> {
    const decideOne = await this.#rulesOf(signer, facts);
    for (const one of access) {
      const { effect } = decideOne(one);
      if (effect !== 'Allow') return { allowed: false, denied: one, reason: effect };
    }
    return { allowed: true };
  }

  async #rulesOf(signer: Signer, facts: RequestFacts): Promise<(access: Access) => { effect: Decision['effect'] }> {
    // The account itself passes every check on what it owns, and on nothing else. Source: facts.md 6.4.
    if (signer.principalType === 'Account') {
      return ({ resource }) => ({ effect: owns(signer.accountId, resource) ? 'Allow' : 'ImplicitDeny' });
    }
    const holder = holderOf(signer);
    if (holder === undefined) return () => ({ effect: 'ImplicitDeny' });
    const policies = await attachedPolicies(this.#reader, { accountId: signer.accountId, ...holder });
    const context = {
      'acs:CurrentTime': isoSeconds(facts.nowMs),
      'acs:SourceIp': facts.sourceIp,
      'acs:SecureTransport': String(facts.secureTransport),
    };
    // A policy speaks for its own account only, also where it says `*`.
    return (access) =>
      owns(signer.accountId, access.resource) ? evaluate(policies, access, context) : { effect: 'ImplicitDeny' };
  }
}

/** System policies belong to `system` and are everybody's. */
function owns(accountId: string, resource: string): boolean {
  const arn = parseArn(resource);
  return arn?.accountId === accountId || (arn?.service === 'ram' && arn.accountId === 'system');
}

/** `user/alice`, or `role/name/session`. */
function holderOf(signer: Signer): { principalType: 'user' | 'role'; principalName: string } | undefined {
  const [kind, principalName] = (parseArn(signer.arn)?.relativeId ?? '').split('/');
  if (principalName === undefined || principalName === '') return undefined;
  if (signer.principalType === 'RAMUser' && kind === 'user') return { principalType: 'user', principalName };
  if (signer.principalType === 'AssumedRoleUser' && kind === 'role') return { principalType: 'role', principalName };
  return undefined;
}
