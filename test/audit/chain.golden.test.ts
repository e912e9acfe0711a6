// The bytes of docs/formats/audit-log.md. These were made in Python from that page, not by this code. Never regenerate them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { contentOf, decodeLine, encodeLines, fieldsOf, GENESIS } from '../../src/audit/chain.ts';
import { encodeHead, newestHead, readHeadSlots } from '../../src/audit/head-file.ts';
import { formatAnchor } from '../../src/audit/anchor.ts';
import { MemoryFiles } from './memory-files.ts';
import { DIRECTORY, KEY } from './test-log.ts';

const LINES = [
  '{"seq":1,"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","time":"2026-11-24T08:00:00.000Z","kind":"file","version":1,"log":"00112233-4455-4677-8899-aabbccddeeff","file":1,"previous":null,"mac":"3FUfvqaOUg4cW5utAD7GH7YeH6lUdwSd0EIu-i4XNOw"}',
  '{"seq":2,"prev":"z_zRkMqdx7NQ2TCjJ6HtMakthLe46tN5jggIRkpLDRI","time":"2026-11-24T08:00:00.001Z","kind":"start","program":"serve","version":"0.1.0","pid":7,"mac":"0abtpoXQujv_hijOXy6dQ3VcaEus5KmMTQGcJBjmwiw"}',
  '{"seq":3,"prev":"IfH1CW6NYdKY_Xxfl6EVKzQBGsj9KcP12Gc1q9VT0Z4","time":"2026-11-24T08:00:01.250Z","kind":"call","requestId":"8F0B1C2D-0000-4000-8000-000000000001","sourceIp":"127.0.0.1","class":"read","status":200,"code":"OK","userAgent":"密 \\"q\\"","mac":"WLqyBY4mp6Re6h9SWzaI3HgJQzu07YtvHs7Bxn3s0dU"}',
];
const LAST = '1659aRQmLbhvOYS39bg26ifm62CZad5XoFY7i1gj58A';
const HEAD =
  '{"log":"00112233-4455-4677-8899-aabbccddeeff","turn":9,"seq":3,"hash":"1659aRQmLbhvOYS39bg26ifm62CZad5XoFY7i1gj58A","file":1,"offset":754,"closed":false,"mac":"2eAul0hnGvPlIJM8al3zMUrU0rbNpL7FFkowNjJPl_U"}';
const POINT = { seq: 3, hash: LAST, file: 1, offset: 754 };

test('records are encoded to the byte as they always were', () => {
  const contents = LINES.map((line) => {
    const { seq: _seq, prev: _prev, mac: _mac, ...fields } = JSON.parse(line) as Record<string, unknown>;
    return contentOf(fields as { time: string; kind: string });
  });
  const { bytes, link } = encodeLines(KEY.macKey, GENESIS, contents);
  assert.equal(Buffer.from(bytes).toString('utf8'), `${LINES.join('\n')}\n`);
  assert.deepEqual(link, { seq: 3, hash: LAST });
  assert.equal(bytes.length, POINT.offset);
});

test('records are decoded as they always were, with and without the key', () => {
  const decoded = LINES.map((line) => decodeLine(Buffer.from(line), KEY.macKey));
  assert.deepEqual(
    decoded.map((line) => [line?.seq, line?.isAuthentic]),
    [
      [1, true],
      [2, true],
      [3, true],
    ],
  );
  assert.deepEqual([decoded[1]?.prev, decoded[2]?.prev, decoded[2]?.hash], [decoded[0]?.hash, decoded[1]?.hash, LAST]);
  assert.equal(fieldsOf(decoded[2]?.content ?? '')['userAgent'], '密 "q"');
  assert.equal(decodeLine(Buffer.from(LINES[0] ?? ''), undefined)?.isAuthentic, undefined);
});

test('a head is encoded and decoded as it always was', () => {
  const slot = encodeHead(KEY, { turn: 9, ...POINT, closed: false });
  assert.equal(slot.length, 512);
  assert.equal(Buffer.from(slot).toString('latin1'), `${HEAD.padEnd(511)}\n`);
  const files = new MemoryFiles();
  files.tamper(`${DIRECTORY}/head`, () => Buffer.concat([Buffer.alloc(512, ' '), slot]));
  const slots = readHeadSlots(files, DIRECTORY, KEY) ?? [];
  assert.deepEqual([slots[0], newestHead(slots)], [undefined, { turn: 9, ...POINT, closed: false }]);
});

test('an anchor is one line of text', () => {
  assert.equal(
    formatAnchor({ logId: KEY.logId, ...POINT }),
    `sealdisk-audit:1:00112233-4455-4677-8899-aabbccddeeff:3:${LAST}`,
  );
});
