import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { decodeInput } from '../../src/api/decode.ts';
import type { ActionDescription, Members, Shape } from '../../src/api/description.ts';
import { isList, isStructure } from '../../src/api/description.ts';
import { describeAction } from '../../src/api/products.ts';

const PLAIN: ActionDescription = {
  request: {
    Name: 'string',
    Size: 'number',
    Encrypted: 'boolean',
    Tag: [{ Key: 'string', Value: 'string' }],
    Ids: ['string'],
    Disk: { Category: 'string', Size: 'number', Part: [{ Start: 'number' }] },
    Context: 'map',
    DiskIds: 'string',
  },
  response: {},
  required: [],
  keepEmpty: [],
  missingCode: {},
  malformedCode: {},
  idempotentMismatchStatus: 400,
  idempotentRunningCode: 'LastTokenProcessing',
};

const decode = (parameters: Record<string, string>, description: Partial<ActionDescription> = {}) =>
  decodeInput('CreateThing', { ...PLAIN, ...description }, new Map(Object.entries(parameters)));

const inputOf = (parameters: Record<string, string>): unknown => {
  const { input, problem } = decode(parameters);
  assert.equal(problem, undefined);
  return input;
};

const codeOf = (parameters: Record<string, string>, description?: Partial<ActionDescription>): string =>
  decode(parameters, description).problem?.code ?? 'accepted';

test('scalars, lists, structures and maps are read by their shape', () => {
  assert.deepEqual(
    inputOf({
      Name: 'n',
      Size: '20',
      Encrypted: 'True',
      'Tag.1.Key': 'k',
      'Tag.1.Value': '',
      'Ids.1': 'a',
      'Disk.Category': 'cloud',
      'Disk.Size': '0',
      'Disk.Part.2.Start': '7',
      'Context.acs:ecs.disk': 'd-1',
    }),
    {
      Name: 'n',
      Size: 20,
      Encrypted: true,
      Tag: [{ Key: 'k', Value: '' }],
      Ids: ['a'],
      Disk: { Category: 'cloud', Size: 0, Part: [{ Start: 7 }] },
      Context: { 'acs:ecs.disk': 'd-1' },
    },
  );
});

test('list items keep the order of their numbers, and gaps close up', () => {
  assert.deepEqual(inputOf({ 'Ids.10': 'c', 'Ids.2': 'b', 'Ids.1': 'a' }), { Ids: ['a', 'b', 'c'] });
});

test('absent and empty parameters are absent from the input', () => {
  assert.deepEqual(inputOf({ Name: '', Size: '', Encrypted: '', Tag: '', Context: '', 'Disk.Size': '' }), { Disk: {} });
});

test('an empty value is kept where the description says that it means something', () => {
  assert.deepEqual(decode({ Name: '' }, { keepEmpty: ['Name'] }).input, { Name: '' });
});

test('numbers are plain decimal digits and nothing else', () => {
  assert.deepEqual(inputOf({ Size: '9007199254740991' }), { Size: Number.MAX_SAFE_INTEGER });
  for (const Size of ['1e3', '0x14', '20GiB', '-1', '+1', '1.0', ' 20', '20 ', '020', '٢', '9007199254740993', 'NaN']) {
    assert.equal(codeOf({ Size }), 'InvalidParameter', Size);
  }
});

test('an action may answer a malformed value with a code of its own', () => {
  assert.equal(codeOf({ Size: '-1' }, { malformedCode: { Size: 'InvalidSize.X' } }), 'InvalidSize.X');
});

test('booleans are true, false, 1 or 0 in any case', () => {
  for (const Encrypted of ['true', 'TRUE', 'True', '1']) assert.deepEqual(inputOf({ Encrypted }), { Encrypted: true });
  for (const Encrypted of ['false', 'FALSE', '0']) assert.deepEqual(inputOf({ Encrypted }), { Encrypted: false });
  for (const Encrypted of ['yes', 'ture', '2', 'null']) assert.equal(codeOf({ Encrypted }), 'InvalidParameter');
});

test('a map is one JSON object of strings, or one parameter for each key', () => {
  assert.deepEqual(inputOf({ Context: '{"a":"1","__proto__":"x"}' }), {
    Context: Object.fromEntries([
      ['a', '1'],
      ['__proto__', 'x'],
    ]),
  });
  for (const Context of ['{', '[]', '"a"', 'null', '{"a":1}', '{"a":{"b":"c"}}']) {
    assert.equal(codeOf({ Context }), 'InvalidParameter', Context);
  }
  assert.equal(codeOf({ Context: '{}', 'Context.a': 'b' }), 'InvalidParameter');
});

test('an unknown parameter is refused by name, with the name that was probably meant', () => {
  const { problem } = decode({ Encrytped: 'true' });
  assert.equal(problem?.code, 'UnsupportedParameter');
  assert.equal(problem?.httpStatus, 400);
  assert.match(problem?.message ?? '', /"Encrytped".*"Encrypted"/);
  for (const name of [
    'Tag.1.Kay',
    'Tag.Key',
    'Tag.01.Key',
    'Tag.0.Key',
    'Tag.1',
    'Disk',
    'Size.1',
    'Name.x',
    'constructor',
    '__proto__',
    '',
  ]) {
    assert.equal(codeOf({ [name]: 'x', 'Ids.1': 'a' }), 'UnsupportedParameter', name);
  }
});

test('common parameters are accepted on every action', () => {
  assert.deepEqual(inputOf({ OwnerId: '1', RegionId: 'cn-beijing', SignatureType: '', SecurityToken: 'x' }), {});
});

test('the few lower-camel names mean the same as their Pascal form, and not both at once', () => {
  assert.deepEqual(inputOf({ diskIds: '["d-1"]', regionId: 'cn-beijing' }), { DiskIds: '["d-1"]' });
  assert.equal(codeOf({ diskIds: 'a', DiskIds: 'b' }), 'InvalidParameter');
  assert.equal(codeOf({ size: '1' }), 'UnsupportedParameter');
});

test('a missing mandatory parameter is named, and an unknown one is reported first', () => {
  const { problem } = decode({}, { required: ['Size', 'Name'] });
  assert.equal(problem?.code, 'MissingParameter');
  assert.match(problem?.message ?? '', /"Size"/);
  assert.equal(codeOf({ Name: '' }, { required: ['Name'] }), 'MissingParameter');
  assert.equal(codeOf({ Sizee: '1' }, { required: ['Size'] }), 'UnsupportedParameter');
  assert.equal(codeOf({ Size: 'x' }, { required: ['Size'] }), 'InvalidParameter');
  assert.equal(
    codeOf({}, { required: ['Size'], missingCode: { Size: 'MissingParamter.Size' } }),
    'MissingParamter.Size',
  );
});

test('what can be read is in the input even when something else is wrong', () => {
  const { input, problem } = decode({ Name: 'n', Size: 'x', Other: '1' });
  assert.ok(problem);
  assert.deepEqual(input, { Name: 'n' });
});

test('the described operations ask for what the vendor marks as mandatory', () => {
  const missing = (product: 'ecs' | 'kms', action: string): string | undefined => {
    const description = describeAction(product, action);
    assert.ok(description);
    return decodeInput(action, description, new Map()).problem?.code;
  };
  assert.equal(missing('ecs', 'CreateDisk'), 'MissingParameter');
  assert.equal(missing('ecs', 'DescribeDisks'), 'MissingParamter.RegionId');
  assert.equal(missing('kms', 'Decrypt'), 'MissingParameter');
  assert.equal(missing('kms', 'ListKeys'), undefined);
});

const shapes: fc.Arbitrary<Members> = fc.letrec<{ shape: Shape; members: Members }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Shape>('string', 'number', 'boolean', 'map'),
    fc.tuple(tie('shape').filter((inner) => !isList(inner) && inner !== 'map')),
    tie('members'),
  ),
  members: fc.dictionary(fc.stringMatching(/^[A-Z][a-z]{0,6}$/), tie('shape'), { minKeys: 1, maxKeys: 4 }),
})).members;

/** A value of the shape and its wire form. */
function valueOf(shape: Shape): fc.Arbitrary<unknown> {
  if (isList(shape)) return fc.array(valueOf(shape[0]), { minLength: 1, maxLength: 12 });
  if (isStructure(shape)) {
    return fc.record(Object.fromEntries(Object.entries(shape).map(([name, inner]) => [name, valueOf(inner)])), {
      noNullPrototype: true,
    });
  }
  if (shape === 'map')
    return fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { minKeys: 1, noNullPrototype: true });
  if (shape === 'number') return fc.maxSafeNat();
  if (shape === 'boolean') return fc.boolean();
  return fc.string({ minLength: 1, unit: 'grapheme' });
}

function wireForm(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => wireForm(`${name}.${index + 1}`, item));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([member, inner]) => wireForm(`${name}.${member}`, inner));
  }
  return [[name, String(value)]];
}

test('what a client flattens is read back equal, in any order', () => {
  const cases = shapes.chain((request) =>
    fc.tuple(fc.constant(request), valueOf(request), fc.infiniteStream(fc.nat())),
  );
  fc.assert(
    fc.property(cases, ([request, value, order]) => {
      const wire = Object.entries(value as object).flatMap(([name, inner]) => wireForm(name, inner));
      const shuffled = wire.map((entry): [number, [string, string]] => [order.next().value, entry]);
      const parameters = new Map(shuffled.sort(([a], [b]) => a - b).map(([, entry]) => entry));
      const { input, problem } = decodeInput('X', { ...PLAIN, request }, parameters);
      assert.equal(problem, undefined);
      assert.deepEqual(input, value);
    }),
    { numRuns: 300 },
  );
});

test('no parameters at all, however odd, make the decoder throw', () => {
  const name = fc.oneof(
    fc.string(),
    fc.stringMatching(/^(Tag|Ids|Disk|Context|Size|__proto__)(\.[0-9A-Za-z_]{0,9}){0,4}$/),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (entries) => {
      decodeInput('X', PLAIN, new Map(entries));
    }),
    { numRuns: 1000 },
  );
});
