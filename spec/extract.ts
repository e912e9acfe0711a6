// Reads the shapes of requests and responses out of the vendor's published SDK packages and writes spec/<product>.json.
// Run: node spec/extract.ts [--check]. Sealdisk's own product is written by hand in spec/sealdisk.json.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';

import type { Members, Shape } from '../src/api/description.ts';
import type { ExtractedProduct } from './shapes.ts';

interface Source {
  readonly product: 'ecs' | 'kms' | 'ram' | 'sts';
  readonly version: string;
  readonly package: string;
  /** The older generator puts the response members into `XResponse`, the newer one into `XResponseBody`. */
  readonly responseSuffix: 'Response' | 'ResponseBody';
}

const SOURCES: readonly Source[] = [
  { product: 'ecs', version: '2014-05-26', package: '@alicloud/ecs20140526', responseSuffix: 'ResponseBody' },
  { product: 'kms', version: '2016-01-20', package: '@alicloud/kms20160120', responseSuffix: 'Response' },
  { product: 'ram', version: '2015-05-01', package: '@alicloud/ram20150501', responseSuffix: 'ResponseBody' },
  { product: 'sts', version: '2015-04-01', package: '@alicloud/sts20150401', responseSuffix: 'ResponseBody' },
];

/** On nearly every operation, without meaning here: src/api/decode.ts accepts and drops them. */
const COMMON = new Set(['OwnerId', 'OwnerAccount', 'ResourceOwnerId', 'ResourceOwnerAccount']);

/** A class of the SDK: wire names by member name, and the type of each member. */
interface Model {
  names(): Record<string, string>;
  types(): Record<string, unknown>;
}

const isModel = (value: unknown): value is Model =>
  typeof value === 'function' && 'names' in value && typeof value.names === 'function' && 'types' in value;

function shapeOf(type: unknown): Shape {
  if (type === 'string' || type === 'number' || type === 'boolean') return type;
  if (isModel(type)) return membersOf(type);
  if (typeof type === 'object' && type !== null && 'type' in type) {
    if (type.type === 'array' && 'itemType' in type) return [shapeOf(type.itemType)];
    if (type.type === 'map') return 'map';
  }
  throw new Error(`the SDK uses a type that spec/extract.ts does not know: ${JSON.stringify(type)}`);
}

function membersOf(model: Model): Members {
  const names = model.names();
  const entries = Object.entries(model.types()).map(([member, type]): [string, Shape] => {
    const name = names[member];
    if (name === undefined) throw new Error(`the SDK gives no wire name for ${member}`);
    return [name, shapeOf(type)];
  });
  return Object.fromEntries(entries.filter(([name]) => !COMMON.has(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function extract(source: Source, supported: readonly string[]): ExtractedProduct {
  const require = createRequire(import.meta.url);
  const sdk = require(source.package) as Record<string, unknown>;
  const sdkVersion = (require(`${source.package}/package.json`) as { version: string }).version;
  const members = (...classNames: string[]): Members => {
    const model = classNames.map((name) => sdk[name]).find((candidate) => isModel(candidate));
    return model === undefined ? {} : membersOf(model);
  };

  const known = Object.keys(sdk)
    .filter((name) => /^[A-Z]\w*Response$/.test(name))
    .map((name) => name.slice(0, -'Response'.length))
    .sort();
  if (known.length === 0) throw new Error(`${source.package} exports no operation: did its layout change?`);

  const extracted = supported.filter((name) => known.includes(name)).sort();
  return {
    product: source.product,
    version: source.version,
    source: `${source.package} ${sdkVersion}`,
    actions: Object.fromEntries(
      extracted.map((name) => [
        name,
        {
          // The "shrink" classes are what really goes over the wire: objects that became JSON strings.
          request: members(`${name}ShrinkRequest`, `${name}Request`),
          response: members(`${name}${source.responseSuffix}`),
        },
      ]),
    ),
    otherActions: known.filter((name) => !supported.includes(name)),
  };
}

const check = process.argv.includes('--check');
const supported = JSON.parse(readFileSync(new URL('supported.json', import.meta.url), 'utf8')) as Record<
  string,
  readonly string[]
>;
for (const source of SOURCES) {
  const file = new URL(`${source.product}.json`, import.meta.url);
  const text = `${JSON.stringify(extract(source, supported[source.product] ?? []), undefined, 2)}\n`;
  if (!check) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`spec/${source.product}.json differs from the SDK package: run \`node spec/extract.ts\``);
    process.exitCode = 1;
  }
}
