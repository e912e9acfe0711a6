/** The vendor's official SDK clients, pointed at a server of ours. */
import ecsSdk from '@alicloud/ecs20140526';
import kmsSdk from '@alicloud/kms20160120';
import openapi from '@alicloud/openapi-client';
import popCore from '@alicloud/pop-core';
import ramSdk from '@alicloud/ram20150501';
import stsSdk from '@alicloud/sts20150401';

export interface SdkTarget {
  readonly host: string;
  readonly port: number;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly regionId: string;
  readonly securityToken?: string;
}

/** Current SDKs sign with V3 unless they are told `signatureAlgorithm: 'v2'`, which is V1. */
export type SignatureStyle = 'V3' | 'V1';

const configOf = (target: SdkTarget) => ({
  endpoint: `${target.host}:${target.port}`,
  protocol: 'http',
  regionId: target.regionId,
  accessKeyId: target.accessKeyId,
  accessKeySecret: target.accessKeySecret,
  ...(target.securityToken === undefined ? {} : { securityToken: target.securityToken }),
});

const signedConfig = (target: SdkTarget, style: SignatureStyle) => ({
  ...configOf(target),
  ...(style === 'V1' ? { signatureAlgorithm: 'v2' } : {}),
});

export type EcsClient = InstanceType<typeof ecsSdk.default>;

export function ecsClient(target: SdkTarget, style: SignatureStyle = 'V3'): EcsClient {
  return new ecsSdk.default(signedConfig(target, style) as never);
}

export type RamClient = InstanceType<typeof ramSdk.default>;

export function ramClient(target: SdkTarget, style: SignatureStyle = 'V3'): RamClient {
  return new ramSdk.default(signedConfig(target, style) as never);
}

export type StsClient = InstanceType<typeof stsSdk.default>;

export function stsClient(target: SdkTarget, style: SignatureStyle = 'V3'): StsClient {
  return new stsSdk.default(signedConfig(target, style) as never);
}

export type KmsClient = InstanceType<typeof kmsSdk.default>;

/** Signs with V1. Its errors have `Error` appended to the code. */
export function kmsClient(target: SdkTarget): KmsClient {
  return new kmsSdk.default({ ...configOf(target), type: 'access_key' } as never);
}

/** Signs with V1: GET with everything in the query, or with `{ method: 'POST' }` everything in a form. Any operation. */
export function popClient(target: SdkTarget, apiVersion: string): popCore {
  const { accessKeyId, accessKeySecret, securityToken } = target;
  return new popCore({
    endpoint: `http://${target.host}:${target.port}`,
    apiVersion,
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
  } as popCore.Config);
}

/**
 * Any operation through the generic client, signed with V3.
 * @param where whether the parameters go into the query or into a form.
 */
export async function callOpenApi<Answer = Record<string, unknown>>(
  target: SdkTarget,
  version: string,
  action: string,
  parameters: Readonly<Record<string, string | number | boolean>>,
  where: 'query' | 'form' = 'query',
): Promise<Answer> {
  const client = new openapi.default(new openapi.Config(configOf(target)));
  const texts = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
  const request = new openapi.OpenApiRequest(where === 'query' ? { query: texts } : { body: texts });
  const params = new openapi.Params({
    action,
    version,
    protocol: 'HTTP',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const response = (await client.callApi(params, request, {} as never)) as { body: Answer };
  return response.body;
}

/** An operation of our own product, for which there is no SDK. */
export function sealdisk<Answer = Record<string, unknown>>(
  target: SdkTarget,
  action: string,
  parameters: Readonly<Record<string, string | number | boolean>>,
): Promise<Answer> {
  return callOpenApi<Answer>(target, '2026-11-23', action, parameters);
}
