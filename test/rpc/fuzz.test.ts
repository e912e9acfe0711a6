// Bytes and requests that nobody should send. The server must refuse them in words, and go on.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';

import fc from 'fast-check';

import { PRODUCTS } from '../../src/api/products.ts';
import type { TestDoor } from './front-door.ts';
import { openDoor } from './front-door.ts';
import { send, v1Request, v3Request } from './requests.ts';

let door: TestDoor;
before(async () => {
  door = await openDoor({ limits: { headersMs: 100, requestMs: 100, checkMs: 20 } });
});
after(async () => {
  assert.deepEqual(
    door.log.filter(({ level }) => level === 'error'),
    [],
  );
  await door[Symbol.asyncDispose]();
});

const NAMES = PRODUCTS.flatMap(({ actions }) => Object.entries(actions)).flatMap(([action, { request }]) => [
  action,
  ...Object.keys(request),
]);

const name = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.tuple(fc.constantFrom(...NAMES), fc.stringMatching(/^(\.[0-9A-Za-z_]{0,5}){1,3}$/)).map(([a, b]) => a + b),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'Action',
    'Version',
    'Format',
    'SignatureMethod',
    'Timestamp',
    'SignatureNonce',
  ),
);
const value = fc.oneof(
  fc.constantFrom('', 'true', '20', '-1', '{}', '[]', '["d-1"]', 'XML', '2014-05-26', 'null', '\u0000', '\ud800'),
  fc.string({ unit: 'binary' }),
);
const parameters = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((entries) => Object.fromEntries(entries));
const operation = fc.constantFrom(
  ...PRODUCTS.flatMap(({ version, actions }) => Object.keys(actions).map((action) => ({ version, action }))),
);

test('signed requests with any parameters are answered without a failure', async () => {
  await fc.assert(
    fc.asyncProperty(
      operation,
      parameters,
      fc.constantFrom('GET', 'POST'),
      async ({ version, action }, given, method) => {
        const v1 = await v1Request(
          door.target,
          { Version: version, Action: action, ...given },
          { method: method as 'GET' },
        );
        const v3 = await v3Request(door.target, action, given, { version, method: method as 'GET' });
        for (const raw of [v1, v3]) {
          const { status, text } = await send(door.target, raw);
          assert.ok(status === 200 || (status >= 400 && status < 500), text);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('unsigned requests with any query, headers and body never get in', async () => {
  const header = fc.constantFrom(
    'authorization',
    'content-type',
    'x-acs-action',
    'x-acs-version',
    'x-acs-date',
    'x-acs-content-sha256',
  );
  const headerValue = fc.oneof(
    fc.constantFrom(
      'ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host,Signature=00',
      'application/json',
      '2014-05-26',
    ),
    fc.stringMatching(/^[ -~]{0,40}$/),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.stringMatching(/^[!-~]{0,60}$/),
      fc.array(fc.tuple(header, headerValue)),
      fc.string({ unit: 'binary' }),
      async (query, headers, body) => {
        const { status, text } = await send(door.target, {
          method: 'POST',
          path: `/?${query}`,
          headers: Object.fromEntries(headers),
          body,
        });
        assert.ok(status >= 400 && status < 500, text);
      },
    ),
    { numRuns: 200 },
  );
});

test('raw bytes on the socket do not end the server', async () => {
  const line = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'POST /?a=%zz HTTP/1.1\r\n',
    'host: a\r\n',
    'content-length: 5\r\n',
    'transfer-encoding: chunked\r\n',
    '\r\n',
    'ffffffffffffffff\r\n',
    'expect: 100-continue\r\n',
    'upgrade: x\r\nconnection: upgrade\r\n',
  );
  const bytes = fc.array(
    fc.oneof(
      line.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 30 }).map((raw) => Buffer.from(raw)),
    ),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (parts) => {
      await new Promise<void>((resolve) => {
        const socket = connect(door.target.port, door.target.host);
        let text = '';
        socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
        socket.on('error', () => undefined);
        socket.on('close', () => {
          assert.doesNotMatch(text, /HTTP\/1\.1 5/);
          resolve();
        });
        socket.end(Buffer.concat(parts));
      });
    }),
    { numRuns: 150 },
  );
  assert.equal((await send(door.target, { method: 'GET', path: '/healthz' })).status, 200);
});
