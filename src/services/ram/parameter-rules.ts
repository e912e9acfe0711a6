import type { AccessKeyStatus } from '../../metadata/access-keys.ts';
import type { PolicyType } from '../../metadata/policy-attachments.ts';
import {
  ACCOUNT_ALIAS_LENGTH,
  COMMENTS_LENGTH_MAX,
  DESCRIPTION_LENGTH_MAX,
  DISPLAY_NAME_LENGTH_MAX,
  GROUP_NAME_LENGTH_MAX,
  PASSWORD_LENGTH,
  POLICY_NAME_LENGTH_MAX,
  ROLE_NAME_LENGTH_MAX,
  SESSION_DURATION_S,
  USER_NAME_LENGTH_MAX,
} from './limits.ts';
import { invalid } from './refusals.ts';

// Source of the rules: facts.md 6.4 and the SDK's comments; of the codes: apis.md 0.5 and errors.json.

interface NameRule {
  readonly lengthMax: number;
  readonly characters: RegExp;
  readonly allowed: string;
}

const ROLE_NAME: NameRule = {
  lengthMax: ROLE_NAME_LENGTH_MAX,
  characters: /^[a-zA-Z0-9.@-]+$/,
  allowed: "letters, digits, '.', '@' and '-'",
};
const POLICY_NAME: NameRule = {
  lengthMax: POLICY_NAME_LENGTH_MAX,
  characters: /^[a-zA-Z0-9-]+$/,
  allowed: "letters, digits and '-'",
};
const USER_NAME: NameRule = {
  lengthMax: USER_NAME_LENGTH_MAX,
  characters: /^[a-zA-Z0-9._-]+$/,
  allowed: "letters, digits, '.', '_' and '-'",
};
const GROUP_NAME: NameRule = { ...USER_NAME, lengthMax: GROUP_NAME_LENGTH_MAX };

function checkedName(parameter: string, name: string, rule: NameRule): string {
  if (name.length < 1 || name.length > rule.lengthMax) {
    throw invalid(parameter, 'Length', `must have 1 to ${rule.lengthMax} characters`);
  }
  if (!rule.characters.test(name)) throw invalid(parameter, 'InvalidChars', `may hold only ${rule.allowed}`);
  return name;
}

export const checkedRoleName = (name: string): string => checkedName('RoleName', name, ROLE_NAME);
export const checkedPolicyName = (name: string): string => checkedName('PolicyName', name, POLICY_NAME);
export const checkedUserName = (name: string, parameter = 'UserName'): string =>
  checkedName(parameter, name, USER_NAME);
export const checkedGroupName = (name: string, parameter = 'GroupName'): string =>
  checkedName(parameter, name, GROUP_NAME);

export function checkedPolicyType(type: string): PolicyType {
  if (type !== 'System' && type !== 'Custom') throw invalid('PolicyType', '', 'must be System or Custom');
  return type;
}

export function checkedVersionId(versionId: string): string {
  if (!/^v[1-9][0-9]{0,8}$/.test(versionId)) throw invalid('VersionId', 'Format', "must be 'v' and a number, like v1");
  return versionId;
}

export function checkedAccessKeyStatus(status: string): AccessKeyStatus {
  if (status !== 'Active' && status !== 'Inactive') throw invalid('Status', 'Format', 'must be Active or Inactive');
  return status;
}

const checkedText = (parameter: string, text: string | undefined, lengthMax: number): string => {
  if ((text ?? '').length > lengthMax) throw invalid(parameter, 'Length', `must have at most ${lengthMax} characters`);
  return text ?? '';
};

export const checkedDescription = (parameter: string, text: string | undefined): string =>
  checkedText(parameter, text, DESCRIPTION_LENGTH_MAX);
export const checkedComments = (parameter: string, text: string | undefined): string =>
  checkedText(parameter, text, COMMENTS_LENGTH_MAX);

export function checkedDisplayName(parameter: string, name: string | undefined): string {
  const checked = checkedText(parameter, name, DISPLAY_NAME_LENGTH_MAX);
  if (/\p{Cc}/u.test(checked)) throw invalid(parameter, 'InvalidChars', 'may hold no control characters');
  return checked;
}

export function checkedEmail(parameter: string, email: string | undefined): string {
  if ((email ?? '') === '') return '';
  if (email !== undefined && email.length <= 254 && /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(email)) return email;
  throw invalid(parameter, 'Format', 'must be an address like alice@example.com');
}

export function checkedMobilePhone(parameter: string, phone: string | undefined): string {
  if ((phone ?? '') === '') return '';
  if (phone !== undefined && /^[0-9]{1,4}-[0-9]{4,20}$/.test(phone)) return phone;
  throw invalid(parameter, 'Format', 'must be a country code and a number, like 86-18688880000');
}

export function checkedAccountAlias(alias: string): string {
  const { min, max } = ACCOUNT_ALIAS_LENGTH;
  if (alias.length >= min && alias.length <= max && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(alias)) return alias;
  throw invalid('AccountAlias', 'Format', `must be ${min} to ${max} small letters, digits and single '-' between them`);
}

export function checkedPassword(password: string): string {
  const { min, max } = PASSWORD_LENGTH;
  if (password.length >= min && password.length <= max) return password;
  throw invalid('Password', 'TooWeak', `must have ${min} to ${max} characters`);
}

export function checkedSessionDuration(parameter: string, seconds: number | undefined): number {
  const value = seconds ?? SESSION_DURATION_S.default;
  if (!Number.isInteger(value) || value < SESSION_DURATION_S.min || value > SESSION_DURATION_S.max) {
    throw invalid(
      parameter,
      'Range',
      `must be a whole number of seconds from ${SESSION_DURATION_S.min} to ${SESSION_DURATION_S.max}`,
    );
  }
  return value;
}
