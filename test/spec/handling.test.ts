import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { describeProduct } from '../../spec/description.ts';
import { handledActions, handlingOf } from '../../spec/handling.ts';
import { PRODUCTS } from '../../spec/shapes.ts';
import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { Api, REGION, ZONE } from '../support/api.ts';
import { REPOSITORY, TestServer } from '../support/start-server.ts';

/** The front door reads these before an operation gets its input. */
const FRONT_DOOR = ['RegionId', 'ClientToken'];
const EVERYTHING = PRODUCTS.flatMap((product) =>
  Object.entries(describeProduct(product).description.actions).map(([name, { request }]) => ({
    product,
    name,
    parameters: Object.keys(request).filter((parameter) => !FRONT_DOOR.includes(parameter)),
  })),
);

/** The text of an operation's file and of everything that it imports from the folder of its product. */
function sourceOf(product: string, action: string): string {
  const folder = path.join(REPOSITORY, 'src/services', product);
  const seen = new Set<string>();
  const waiting = [path.join(folder, 'actions', `${action}.ts`)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file) || !file.startsWith(folder) || !existsSync(file)) continue;
    seen.add(file);
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g))
      waiting.push(path.resolve(path.dirname(file), target));
  }
  return [...seen].map((file) => readFileSync(file, 'utf8')).join('\n');
}

test('every parameter of every operation is read by its operation, or said to be ignored', () => {
  assert.ok(EVERYTHING.length > 40);
  const silent = EVERYTHING.flatMap(({ product, name, parameters }) => {
    const source = sourceOf(product, name);
    const { ignored = {} } = handlingOf(product, name);
    return parameters
      .filter((parameter) => !Object.hasOwn(ignored, parameter))
      .filter((parameter) => !new RegExp(`\\b${parameter}\\b`).test(source))
      .map((parameter) => `${product} ${name}: ${parameter}`);
  });
  assert.deepEqual(silent, [], 'not read by the operation: make it work, refuse it, or put it into spec/handling.json');
});

test('spec/handling.json names nothing that does not exist', () => {
  const stray = PRODUCTS.flatMap((product) =>
    handledActions(product).flatMap((name) => {
      const parameters = EVERYTHING.find((one) => one.product === product && one.name === name)?.parameters ?? [];
      const { refused = {}, ignored = {} } = handlingOf(product, name);
      return [...Object.keys(refused), ...Object.keys(ignored)]
        .filter((parameter) => !parameters.includes(parameter))
        .map((parameter) => `${product} ${name}: ${parameter}`);
    }),
  );
  assert.deepEqual(stray, []);
});

test('what is said to be refused is refused, by its name', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const others: Record<string, Record<string, string>> = {
    CreateDisk: { RegionId: REGION, Size: '20' },
    CreateSnapshot: { DiskId: await api.createDisk() },
    ListTagResources: { RegionId: REGION, ResourceType: 'disk' },
    ModifyImageSharePermission: { RegionId: REGION, ImageId: 'm-1' },
    CopyImage: { ImageId: 'm-1' },
    ModifyImageAttribute: { ImageId: 'm-1' },
    ModifyDiskAttribute: { DiskId: await api.createDisk() },
    SetDeletionProtection: { EnableDeletionProtection: 'true' },
    TagResource: { Tags: '[]' },
    UntagResource: { TagKeys: '["a"]' },
    ...Object.fromEntries(
      ['User', 'Group', 'Role'].flatMap((kind) =>
        [`AttachPolicyTo${kind}`, `DetachPolicyFrom${kind}`].map((name) => [
          name,
          { PolicyType: 'System', PolicyName: 'ReadOnlyAccess', [`${kind}Name`]: 'x' },
        ]),
      ),
    ),
  };
  for (const { product, name } of EVERYTHING) {
    for (const [parameter, { value, as = parameter }] of Object.entries(handlingOf(product, name).refused ?? {})) {
      // ZoneId and InstanceId exclude each other.
      const zone = name === 'CreateDisk' && parameter !== 'InstanceId' ? { ZoneId: ZONE } : {};
      await assert.rejects(
        api.call(product, name, { ...others[name], ...zone, [as]: value }),
        (error) => error instanceof RpcRefusal && new RegExp(`\\b${parameter}\\b`).test(error.message),
        `${product} ${name}: ${parameter}=${value}`,
      );
    }
  }
});
