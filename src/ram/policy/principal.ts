import { parseArn } from '../arn.ts';

/** Whom a trust policy names. */
export interface Principals {
  /** `ecs.aliyuncs.com`, or `<account>@ecs.aliyuncs.com`: the service on behalf of that account. */
  readonly Service?: readonly string[];
  /** ARNs of accounts, users and roles. */
  readonly RAM?: readonly string[];
  readonly Federated?: readonly string[];
}

export type PrincipalKind = keyof Principals;

export const PRINCIPAL_KINDS: readonly PrincipalKind[] = ['Service', 'RAM', 'Federated'];

/** Somebody who wants to assume a role. */
export interface Principal {
  readonly kind: PrincipalKind;
  readonly name: string;
}

const FORMS: Readonly<Record<PrincipalKind, RegExp>> = {
  Service: /^(?:[0-9]+@)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.aliyuncs\.com$/i,
  RAM: /^(?:\*|acs:ram::[0-9]+:(?:root|user\/[A-Za-z0-9._@-]+|role\/[A-Za-z0-9._@-]+))$/,
  Federated: /^acs:ram::[0-9]+:(?:saml|oidc)-provider\/\S+$/,
};

/** Whom a key's policy may name: an account as `*` or `root`, its users and roles. */
export function isKeyPrincipal(name: string): boolean {
  return /^acs:ram::[0-9]+:\*$/.test(name) || (name !== '*' && isPrincipalName('RAM', name));
}

export function isPrincipalName(kind: PrincipalKind, name: string): boolean {
  return FORMS[kind].test(name);
}

/**
 * Names match exactly: `123@ecs.aliyuncs.com` does not stand for `ecs.aliyuncs.com` or the other way round
 * (decisions.md D2). Naming an account's root stands for everybody in that account.
 */
export function principalsInclude(principals: Principals, principal: Principal): boolean {
  const names = principals[principal.kind] ?? [];
  if (principal.kind !== 'RAM') {
    return names.some((name) => name.toLowerCase() === principal.name.toLowerCase());
  }
  const arn = parseArn(principal.name);
  return names.some((name) => {
    if (name === '*') return true;
    const named = parseArn(name);
    if (named === undefined || arn === undefined || named.accountId !== arn.accountId) return false;
    if (named.relativeId === 'root') return true;
    const isRole = named.relativeId.startsWith('role/');
    return isRole
      ? named.relativeId.toLowerCase() === arn.relativeId.toLowerCase()
      : named.relativeId === arn.relativeId;
  });
}
