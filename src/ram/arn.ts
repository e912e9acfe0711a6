/** `acs:<service>:<region>:<account>:<relative id>`; the relative id may hold colons. */
export interface Arn {
  readonly service: string;
  readonly regionId: string;
  readonly accountId: string;
  readonly relativeId: string;
}

/** Undefined when it is not one. Wildcards count as ordinary characters. */
export function parseArn(text: string): Arn | undefined {
  const [acs, service, regionId, accountId, ...rest] = text.split(':');
  if (
    acs !== 'acs' ||
    service === undefined ||
    regionId === undefined ||
    accountId === undefined ||
    rest.length === 0
  ) {
    return undefined;
  }
  return { service, regionId, accountId, relativeId: rest.join(':') };
}

export const accountArn = (accountId: string): string => `acs:ram::${accountId}:root`;

/** Role names are lower case in ARNs. Source: decisions.md E2. */
export const roleArn = (accountId: string, roleName: string): string =>
  `acs:ram::${accountId}:role/${roleName.toLowerCase()}`;

/** Somebody who has assumed a role. Source: facts.md 6.4. */
export const sessionArn = (accountId: string, roleName: string, sessionName: string): string =>
  `${roleArn(accountId, roleName)}/${sessionName}`;

export const userArn = (accountId: string, userName: string): string => `acs:ram::${accountId}:user/${userName}`;

export const policyArn = (accountId: string, policyName: string): string =>
  `acs:ram::${accountId}:policy/${policyName}`;

export const groupArn = (accountId: string, groupName: string): string => `acs:ram::${accountId}:group/${groupName}`;
