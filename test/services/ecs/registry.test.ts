import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ecs } from '../../../src/api/generated/ecs.ts';
import { sealdisk } from '../../../src/api/generated/sealdisk.ts';
import { PolicyAuthorizer } from '../../../src/ram/authorizer.ts';
import { ecsActions } from '../../../src/services/ecs/registry.ts';
import { sealdiskActions } from '../../../src/services/sealdisk/registry.ts';
import { TestCloud } from './test-cloud.ts';

test('every described operation of ECS and Sealdisk has a handler, and no other', async () => {
  await using cloud = await TestCloud.open();
  const sorted = (names: readonly string[]) => names.toSorted();
  const handlers = ecsActions(cloud.parts);
  assert.ok(handlers.every(({ product }) => product === 'ecs'));
  assert.deepEqual(sorted(handlers.map(({ name }) => name)), sorted(Object.keys(ecs.actions)));
  const { exports, transfers } = cloud;
  const authorizer = new PolicyAuthorizer(cloud.database.read);
  const own = sealdiskActions({ ...cloud.parts, exports, transfers, authorizer });
  assert.ok(own.every(({ product }) => product === 'sealdisk'));
  assert.deepEqual(sorted(own.map(({ name }) => name)), sorted(Object.keys(sealdisk.actions)));
});
