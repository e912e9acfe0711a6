// Calls one operation, signed, and prints its answer: node bin/node.js docs/guide/call.ts ecs DescribeDisks DiskIds='["d-…"]'
// With .Name.Name as the last argument it prints that part of the answer alone.
import Client from '@alicloud/pop-core';

const VERSIONS: Readonly<Record<string, string>> = {
  ecs: '2014-05-26',
  kms: '2016-01-20',
  ram: '2015-05-01',
  sts: '2015-04-01',
  sealdisk: '2026-11-23',
};

const [product = '', action = '', ...rest] = process.argv.slice(2);
const part = rest.at(-1)?.startsWith('.') === true ? (rest.pop() ?? '') : '';
const parameters = rest.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]);

const client = new Client({
  endpoint: `http://${process.env['ALIBABA_CLOUD_ENDPOINT'] ?? ''}`,
  accessKeyId: process.env['ALIBABA_CLOUD_ACCESS_KEY_ID'] ?? '',
  accessKeySecret: process.env['ALIBABA_CLOUD_ACCESS_KEY_SECRET'] ?? '',
  // Of a temporary AccessKey.
  securityToken: process.env['ALIBABA_CLOUD_SECURITY_TOKEN'] ?? '',
  apiVersion: VERSIONS[product] ?? '',
} as Client.Config);
const RegionId = process.env['ALIBABA_CLOUD_REGION_ID'];
try {
  let answer: unknown = await client.request(
    action,
    { RegionId, ...Object.fromEntries(parameters) },
    { method: 'POST' },
  );
  for (const name of part.split('.').filter(Boolean)) answer = (answer as Record<string, unknown>)[name];
  console.log(typeof answer === 'string' ? answer : JSON.stringify(answer, null, 2));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  console.error(`${code ?? 'Error'}: ${message}`);
  process.exitCode = 1;
}
