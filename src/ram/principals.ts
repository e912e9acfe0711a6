import { accountArn, parseArn } from './arn.ts';

/** Who signed a request; the part of the front door's caller that policies see. */
export interface Signer {
  readonly accountId: string;
  /** `acs:ram::<account>:root`, `…:user/<name>`, `…:role/<name>/<session>`. */
  readonly arn: string;
  readonly principalType: 'Account' | 'RAMUser' | 'AssumedRoleUser';
  /** The document of the policy that narrows a session. */
  readonly sessionPolicy?: string;
}

/** Whose policies bind the signer; undefined when its name is not understood. The account has none. */
export function holderOf(
  signer: Signer,
): { accountId: string; principalType: 'user' | 'role'; principalName: string } | undefined {
  const { accountId } = signer;
  const [kind, principalName] = (parseArn(signer.arn)?.relativeId ?? '').split('/');
  if (principalName === undefined || principalName === '') return undefined;
  if (signer.principalType === 'RAMUser' && kind === 'user') return { accountId, principalType: 'user', principalName };
  if (signer.principalType === 'AssumedRoleUser' && kind === 'role')
    return { accountId, principalType: 'role', principalName };
  return undefined;
}

/** `acs:PrincipalARN`: of a session, the ARN of its role. */
export function principalArn({ principalType, arn }: Signer): string {
  return principalType === 'AssumedRoleUser' ? arn.split('/').slice(0, 2).join('/') : arn;
}

/** The signer that an ARN of an account, user or role names; undefined when it names none of them. */
export function signerOf(arn: string): Signer | undefined {
  const parsed = parseArn(arn);
  if (parsed === undefined || parsed.service !== 'ram') return undefined;
  const { accountId, relativeId } = parsed;
  if (arn === accountArn(accountId)) return { accountId, arn, principalType: 'Account' };
  const [kind, name, ...session] = relativeId.split('/');
  if (name === undefined || name === '' || session.length > 1) return undefined;
  if (kind === 'user' && session.length === 0) return { accountId, arn, principalType: 'RAMUser' };
  if (kind === 'role') return { accountId, arn, principalType: 'AssumedRoleUser' };
  return undefined;
}
