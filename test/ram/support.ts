import { createHmac, timingSafeEqual } from 'node:crypto';

import type { Clock } from '../../src/base/clock.ts';
import { SystemError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import type { Sealer } from '../../src/metadata/sealer.ts';
import { createAccount } from '../../src/ram/accounts.ts';
import type { AccountParts } from '../../src/ram/accounts.ts';
import { openTestDatabase } from '../metadata/support.ts';
import type { TestDatabase } from '../metadata/support.ts';

/** A small sealer that hides and binds: XOR with a stream of the context, and a MAC. */
export const testSealer: Sealer = {
  seal(context, plaintext) {
    const body = xor(context, plaintext);
    return Buffer.concat([mac(context, body), body]);
  },
  open(context, sealed) {
    const body = sealed.subarray(32);
    if (sealed.length < 32 || !timingSafeEqual(mac(context, body), sealed.subarray(0, 32))) {
      throw new SystemError('corrupt', 'SEALED_BYTES', 'The sealed bytes do not open here.');
    }
    return xor(context, body);
  },
};

const mac = (context: string, body: Uint8Array): Buffer =>
  createHmac('sha256', 'mac').update(context).update(body).digest();

function xor(context: string, bytes: Uint8Array): Uint8Array {
  const stream = createHmac('sha512', 'stream').update(context).digest();
  return bytes.map((byte, index) => byte ^ (stream[index % stream.length] ?? 0));
}

/** Stands still until told otherwise. */
export class TestClock implements Clock {
  ms = Date.parse('2026-11-23T12:00:00Z');
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error('nothing here sleeps'));
  }
  every(): Disposable {
    return { [Symbol.dispose]() {} };
  }
}

export interface TestAccount extends TestDatabase, AccountParts {
  readonly clock: TestClock;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** A database with one account. */
export async function openTestAccount(): Promise<TestAccount> {
  const opened = await openTestDatabase();
  const parts = { database: opened.database, sealer: testSealer, clock: new TestClock(), random: systemRandom };
  return { ...opened, ...parts, ...(await createAccount(parts, { regionId: 'cn-hangzhou' })) };
}

export const DISK_ROLE_TRUST =
  '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}],"Version":"1"}';
