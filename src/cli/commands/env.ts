import type { Output } from '../output.ts';
import { dataDirectoryOf, findServer, localCredentials } from '../server-location.ts';

/** Settings that the vendor's SDKs, the aliyun CLI and Terraform read. */
export async function env(options: { readonly dataDir?: string }, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const server = await findServer(dataDirectory);
  const { accessKeyId, accessKeySecret, securityToken } = localCredentials(dataDirectory);
  const variables = {
    ALIBABA_CLOUD_ACCESS_KEY_ID: accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: accessKeySecret,
    ...(securityToken === undefined ? {} : { ALIBABA_CLOUD_SECURITY_TOKEN: securityToken }),
    ALIBABA_CLOUD_REGION_ID: server.defaultRegion,
    ALIBABA_CLOUD_ENDPOINT: server.api,
    ALIBABA_CLOUD_ENDPOINT_ECS: server.api,
    ALIBABA_CLOUD_ENDPOINT_KMS: server.api,
    ALIBABA_CLOUD_ENDPOINT_RAM: server.api,
    ALIBABA_CLOUD_ENDPOINT_STS: server.api,
    SEALDISK_DATA_DIR: dataDirectory,
  };
  output.result(variables, [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    '# SDKs: protocol "http". aliyun CLI: add --insecure.',
  ]);
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
