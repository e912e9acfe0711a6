// What every keeper of the root key promises. Run on each of the four.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { parseProviderRecord } from '../../src/root/provider.ts';
import type { ProviderRecord, RootKeyProvider } from '../../src/root/provider.ts';
import { rootKeyContext, rootKeyId } from '../../src/root/root-key.ts';

export interface TestProvider extends AsyncDisposable {
  /** Another instance, as after a restart. */
  open(): RootKeyProvider;
}

export interface ProviderSuite {
  /** Why it cannot run here. */
  readonly skip?: string | false;
  readonly make: () => Promise<TestProvider>;
  /** The record stands for a file of its own: there is nothing in it to change, and only one secret at a time. */
  readonly isFile?: boolean;
}

/** A root key and what it is wrapped for. */
function rootKey(): { readonly secret: Uint8Array; readonly context: string } {
  const secret = systemRandom.bytes(32);
  return { secret, context: rootKeyContext(rootKeyId(secret)) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const stored = (record: ProviderRecord): ProviderRecord => parseProviderRecord(JSON.parse(JSON.stringify(record)));

export function providerSuite(name: string, { skip = false, make, isFile = false }: ProviderSuite): void {
  test(`${name}: gives back what it was given, after a restart and as often as it is asked`, { skip }, async () => {
    await using t = await make();
    const { secret, context } = rootKey();
    const record = stored(await t.open().wrap(context, secret));
    assert.equal(record.kind, t.open().kind);
    for (let round = 0; round < 2; round++) {
      const again = await t.open().unwrap(context, record);
      assert.equal(hex(again), hex(secret));
      again.fill(0);
      await t.open().settle(context);
    }
  });

  test(`${name}: the record tells nothing of the secret`, { skip }, async () => {
    await using t = await make();
    const { secret, context } = rootKey();
    const text = JSON.stringify(await t.open().wrap(context, secret));
    for (const form of ['hex', 'base64', 'latin1'] as const)
      assert.ok(!text.includes(Buffer.from(secret).toString(form)), form);
  });

  test(`${name}: a secret opens only as what it was wrapped for`, { skip }, async () => {
    await using t = await make();
    const { secret, context } = rootKey();
    const record = await t.open().wrap(context, secret);
    await assert.rejects(t.open().unwrap(rootKey().context, record), SystemError);
  });

  test(`${name}: a changed record is refused`, { skip: skip || (isFile && 'it has nothing to change') }, async () => {
    await using t = await make();
    const { secret, context } = rootKey();
    const record = await t.open().wrap(context, secret);
    let changes = 0;
    for (const [field, value] of Object.entries(record)) {
      if (typeof value !== 'string' || !/^[0-9a-zA-Z+/=]{24,}$/.test(value)) continue;
      for (const at of [0, 7, value.length - 3]) {
        const other = value[at] === '0' ? '1' : '0';
        const changed = { ...record, [field]: value.slice(0, at) + other + value.slice(at + 1) };
        await assert.rejects(t.open().unwrap(context, changed), SystemError, `${field} at ${at}`);
        changes += 1;
      }
    }
    assert.ok(changes >= 3, 'the record has something to change');
  });

  test(
    `${name}: the same secret is never wrapped the same way twice`,
    { skip: skip || (isFile && 'it is the secret') },
    async () => {
      await using t = await make();
      const { secret, context } = rootKey();
      const [one, two] = [await t.open().wrap(context, secret), await t.open().wrap(context, secret)];
      assert.notDeepEqual(one, two);
      for (const record of [one, two]) assert.equal(hex(await t.open().unwrap(context, record)), hex(secret));
    },
  );
}
