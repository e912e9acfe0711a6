import { compileStatement } from './policy/compile.ts';
import type { Rule } from './policy/compile.ts';
import { parsePolicy } from './policy/document.ts';

/** A policy that every account has and nobody changes. */
export interface SystemPolicy {
  readonly policyName: string;
  readonly description: string;
  /** JSON. */
  readonly document: string;
  readonly rules: readonly Rule[];
}

interface StatementJson {
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

/** All system policies are at version `v1`. */
export const SYSTEM_POLICY_VERSION = 'v1';

/** By exact name. Sources: facts.md 6.1 for the disk role's policy; the others are Sealdisk's own reading of the names. */
export const SYSTEM_POLICIES: ReadonlyMap<string, SystemPolicy> = new Map(
  [
    systemPolicy('AliyunECSDiskEncryptRolePolicy', 'Lets ECS use the keys of the account for disk encryption', [
      {
        Effect: 'Allow',
        Action: ['kms:List*', 'kms:DescribeKey', 'kms:TagResource', 'kms:UntagResource'],
        Resource: ['acs:kms:*:*:*', 'acs:kms:*:*:*/*'],
      },
      { Effect: 'Allow', Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'], Resource: 'acs:kms:*:*:*/*' },
    ]),
    systemPolicy('AdministratorAccess', 'Everything on everything', [{ Effect: 'Allow', Action: '*', Resource: '*' }]),
    systemPolicy('ReadOnlyAccess', 'Looking at everything but secrets', [
      {
        Effect: 'Allow',
        Action: [
          'ecs:Describe*',
          'ecs:List*',
          'kms:Describe*',
          'kms:List*',
          'ram:Get*',
          'ram:List*',
          'sealdisk:Describe*',
          'sealdisk:SimulatePrincipalPolicy',
        ],
        Resource: '*',
      },
    ]),
    systemPolicy('AliyunECSFullAccess', 'Everything in ECS', [{ Effect: 'Allow', Action: 'ecs:*', Resource: '*' }]),
    systemPolicy('AliyunECSReadOnlyAccess', 'Looking at ECS', [
      { Effect: 'Allow', Action: ['ecs:Describe*', 'ecs:List*'], Resource: '*' },
    ]),
    systemPolicy('AliyunKMSFullAccess', 'Everything in KMS', [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }]),
    systemPolicy('AliyunKMSReadOnlyAccess', 'Looking at KMS, without using keys', [
      { Effect: 'Allow', Action: ['kms:Describe*', 'kms:List*'], Resource: '*' },
    ]),
    systemPolicy('AliyunRAMFullAccess', 'Everything in RAM and STS', [
      { Effect: 'Allow', Action: ['ram:*', 'sts:*'], Resource: '*' },
    ]),
    systemPolicy('AliyunRAMReadOnlyAccess', 'Looking at RAM', [
      { Effect: 'Allow', Action: ['ram:Get*', 'ram:List*'], Resource: '*' },
    ]),
    systemPolicy('AliyunSTSAssumeRoleAccess', 'Assuming roles that trust the caller', [
      { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' },
    ]),
  ].map((policy) => [policy.policyName, policy]),
);

function systemPolicy(policyName: string, description: string, statements: readonly StatementJson[]): SystemPolicy {
  const document = JSON.stringify({ Version: '1', Statement: statements });
  return { policyName, description, document, rules: parsePolicy(document).map(compileStatement) };
}
