// Why a request was refused, from its record alone. PURE.
import type { AuditedDecision, DecidingStatement } from '../api/audited-call.ts';

export interface Explanation {
  readonly requestId: string;
  readonly time: string;
  readonly principal: string | undefined;
  readonly call: string;
  readonly status: number;
  readonly code: string;
  readonly message: string | undefined;
  readonly decision: AuditedDecision | undefined;
  /** For people, one sentence each. */
  readonly because: readonly string[];
  /** A statement that would allow what was refused; undefined where none can, or none was missing. */
  readonly wouldAllow: object | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** @param fields of a record of kind `call`. */
export function explain(fields: Fields): Explanation {
  const text = (name: string): string | undefined => {
    const value = fields[name];
    return typeof value === 'string' ? value : undefined;
  };
  const decision = fields['decision'] as AuditedDecision | undefined;
  const status = Number(fields['status']);
  const principal = text('principal');
  const reasons = reasonsOf(decision, status, principal, text('account'));
  return {
    requestId: text('requestId') ?? '',
    time: text('time') ?? '',
    principal,
    call: `${text('product') ?? '?'} ${text('action') ?? '?'}`,
    status,
    code: text('code') ?? '',
    message: text('message'),
    decision,
    ...reasons,
  };
}

function reasonsOf(
  decision: AuditedDecision | undefined,
  status: number,
  principal: string | undefined,
  account: string | undefined,
): Pick<Explanation, 'because' | 'wouldAllow'> {
  if (status < 300) return { because: ['It was not refused.'], wouldAllow: undefined };
  if (decision === undefined)
    return {
      because: [
        principal === undefined
          ? 'It was refused before anybody knew who had sent it, so no policy was asked.'
          : 'It was refused before any policy was asked.',
      ],
      wouldAllow: undefined,
    };
  if (decision.effect === 'Allow')
    return { because: ['The policies allow it; it was refused for another reason.'], wouldAllow: undefined };
  const { effect, action, resource, by, policyType } = decision;
  if (effect === 'ExplicitDeny')
    return {
      because: [
        `${by === undefined ? 'A statement' : nameOf(by)} denies ${action} on ${resource}. A Deny wins over every Allow: change that statement, or detach its policy.`,
      ],
      wouldAllow: undefined,
    };
  const because = [`No statement allows ${action} on ${resource}.`];
  const owner = resource.split(':')[3] ?? '';
  if (account !== undefined && owner !== account) {
    because.push(`That belongs to account ${owner}, and policies of ${account} speak for their own account only.`);
    return { because, wouldAllow: undefined };
  }
  if (principal?.endsWith(':root') === true) return { because, wouldAllow: undefined };
  because.push(
    policyType === 'SessionPolicy'
      ? 'The policy that the session was made with has to allow it, and so do the policies of its role.'
      : `A policy with this statement, attached to ${principal ?? 'the caller'}, would allow it.`,
  );
  return { because, wouldAllow: { Effect: 'Allow', Action: action, Resource: resource } };
}

function nameOf({ policy, policyType, version, statement, attachedTo, at }: DecidingStatement): string {
  const kind = policyType === undefined ? 'policy' : `${policyType.toLowerCase()} policy`;
  const where = at === undefined ? '' : `, at line ${at.line}, column ${at.column}`;
  const through = attachedTo === undefined ? '' : `, attached to ${attachedTo}`;
  return `Statement ${statement + 1} of ${kind} ${policy}${version ? ` ${version}` : ''}${where}${through},`;
}
