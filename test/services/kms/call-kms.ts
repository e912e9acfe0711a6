import assert from 'node:assert/strict';

import type { Access, Call } from '../../../src/api/action.ts';
import { ApiError } from '../../../src/api/errors.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { openTestKms, SCOPE } from '../../kms/open-test-kms.ts';
import type { TestKms } from '../../kms/open-test-kms.ts';
import type { Scope } from '../../../src/kms/scope.ts';

export interface KmsApi extends AsyncDisposable {
  readonly kms: TestKms;
  /** Runs an action as the account itself, the way the front door does. */
  call(name: string, input?: object, scope?: Scope): Promise<Record<string, never> & Answer>;
  access(name: string, input?: object): Promise<readonly Access[]>;
  /** Asserts that the call is refused with that code and status. */
  refused(name: string, input: object, code: string, httpStatus: number, scope?: Scope): Promise<ApiError>;
  createKey(input?: object): Promise<string>;
  /** A key and its only version, as the operations on key pairs want them. */
  createKeyPair(KeySpec: string, KeyUsage: string): Promise<{ KeyId: string; KeyVersionId: string }>;
}

/** The members of all answers; a test reads the ones of its operation. */
export interface Answer {
  readonly KeyMetadata: Readonly<Record<string, string>>;
  readonly Keys: { readonly Key: readonly { readonly KeyId: string; readonly KeyArn: string }[] };
  readonly KeyVersion: Readonly<Record<string, string>>;
  readonly KeyVersions: { readonly KeyVersion: readonly Readonly<Record<string, string>>[] };
  readonly Regions: { readonly Region: readonly Readonly<Record<string, string>>[] };
  readonly Tags: { readonly Tag: readonly Readonly<Record<string, string>>[] };
  readonly TagResources: { readonly TagResource: readonly Readonly<Record<string, string>>[] };
  readonly NextToken?: string;
  readonly Policy: string;
  readonly Aliases: { readonly Alias: readonly Readonly<Record<string, string>>[] };
  readonly AccountStatus: string;
  readonly CiphertextBlob: string;
  readonly KeyId: string;
  readonly KeyVersionId: string;
  readonly Plaintext: string;
  readonly PublicKey: string;
  readonly ImportToken: string;
  readonly TokenExpireTime: string;
  readonly ExportedDataKey: string;
  readonly Mac: string;
  readonly PageNumber: number;
  readonly PageSize: number;
  readonly TotalCount: number;
}

export async function openKmsApi(options: { readonly open?: boolean } = {}): Promise<KmsApi> {
  const kms = await openTestKms(options);
  const actions = new Map(kmsActions(kms).map((action) => [action.name, action]));
  const find = (name: string) => {
    const action = actions.get(name);
    assert.ok(action, `${name} is registered`);
    return action;
  };
  const callOf = (input: object, scope: Scope): Call<never> => ({
    input: input as never,
    caller: {
      accountId: scope.accountId,
      arn: `acs:ram::${scope.accountId}:root`,
      principalType: 'Account',
      accessKeyId: 'LTAItest',
      sourceIp: '127.0.0.1',
    },
    regionId: scope.regionId,
    requestId: 'test',
    signal: new AbortController().signal,
  });
  const api: KmsApi = {
    kms,
    call: async (name, input = {}, scope = SCOPE) => {
      const action = find(name);
      const call = callOf(input, scope);
      // The documentation lets everybody list the regions.
      if (name !== 'DescribeRegions')
        assert.ok((await action.access(call)).length > 0, `${name} asks for a permission`);
      return (await action.run(call)) as Record<string, never> & Answer;
    },
    access: async (name, input = {}) => find(name).access(callOf(input, SCOPE)),
    refused: async (name, input, code, httpStatus, scope = SCOPE) => {
      const outcome = await api.call(name, input, scope).catch((error: unknown) => error);
      if (!(outcome instanceof ApiError)) assert.fail(`${name} was not refused but answered ${String(outcome)}`);
      assert.deepEqual([outcome.code, outcome.httpStatus], [code, httpStatus]);
      return outcome;
    },
    createKeyPair: async (KeySpec, KeyUsage) => {
      const { KeyId = '', PrimaryKeyVersion = '' } = (await api.call('CreateKey', { KeySpec, KeyUsage })).KeyMetadata;
      return { KeyId, KeyVersionId: PrimaryKeyVersion };
    },
    createKey: async (input = {}) => (await api.call('CreateKey', input)).KeyMetadata['KeyId'] ?? '',
    [Symbol.asyncDispose]: () => kms[Symbol.asyncDispose](),
  };
  return api;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
