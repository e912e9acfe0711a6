import assert from 'node:assert/strict';
import { test } from 'node:test';

import { encodeMessage, MessageReader } from '../../src/dataplane/protocol.ts';

const request = {
  id: 7,
  method: 'createDisk',
  params: {
    disk: { diskId: 'd-1', wrappedKey: new Uint8Array([1, 2, 3]) },
    dataKey: { suite: 'sm4-gcm', key: new Uint8Array(32).fill(9) },
  },
};

test('a message survives being cut anywhere', () => {
  const bytes = Buffer.concat([encodeMessage(request), encodeMessage({ id: 8, method: 'ping', params: {} })]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new MessageReader();
    const copy = Buffer.from(bytes);
    const messages = [...reader.push(copy.subarray(0, cut)), ...reader.push(copy.subarray(cut))];
    assert.deepEqual(messages, [request, { id: 8, method: 'ping', params: {} }]);
  }
});

test('the reader wipes what it was given, since it may hold a data key', () => {
  const bytes = encodeMessage(request);
  new MessageReader().push(bytes);
  assert.ok(bytes.every((byte) => byte === 0));
});

for (const [kind, key] of [
  ['Uint8Array', new Uint8Array(32).fill(0x41)],
  ['Buffer', Buffer.alloc(32, 0x41)],
] as const) {
  test(`a data key never stands in the text of a message (${kind})`, () => {
    const bytes = Buffer.from(encodeMessage({ id: 1, dataKey: { key } }));
    const json = bytes.subarray(8, 8 + bytes.readUInt32BE(4)).toString();
    assert.equal(json, '{"id":1,"dataKey":{"key":{"$bin":32}}}');
  });
}

for (const [name, bytes] of [
  ['a length beyond the limit', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['a length too short for its own text length', Buffer.from([0, 0, 0, 3])],
  ['a text longer than the message', Buffer.from([0, 0, 0, 6, 0, 0, 0, 9, 0x7b, 0x7d])],
  [
    'a binary field longer than the message',
    (() => {
      const json = Buffer.from('{"a":{"$bin":5}}');
      const head = Buffer.alloc(8);
      head.writeUInt32BE(4 + json.length, 0);
      head.writeUInt32BE(json.length, 4);
      return Buffer.concat([head, json]);
    })(),
  ],
  ['text that is not JSON', Buffer.from([0, 0, 0, 5, 0, 0, 0, 1, 0x7b])],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => new MessageReader().push(Buffer.from(bytes)));
  });
}
