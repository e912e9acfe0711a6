// Wire parameters -> typed input, by the description of the action. The one place that knows how lists, structures,
// numbers and booleans are written on the wire (docs/protocols/rpc.md, Parameters).
import { closestName } from './closest-name.ts';
import type { ActionDescription, Members, Shape } from './description.ts';
import { isList, isStructure } from './description.ts';
import { ApiError } from './errors.ts';

/** Accepted on every operation. Those with a meaning are read before the input is decoded. */
const COMMON = new Set([
  'Action',
  'Version',
  'Format',
  'RegionId',
  'AccessKeyId',
  'SecurityToken',
  'Timestamp',
  'Signature',
  'SignatureMethod',
  'SignatureVersion',
  'SignatureNonce',
  'SignatureType',
  // On nearly every vendor operation, and without meaning here.
  'OwnerId',
  'OwnerAccount',
  'ResourceOwnerId',
  'ResourceOwnerAccount',
  'SourceIp',
  'SecureTransport',
]);

/** The names that the vendor's clients write in lower camel case for some operations and in Pascal case for others. */
const LOWER_CAMEL: ReadonlyMap<string, string> = new Map([
  ['regionId', 'RegionId'],
  ['diskIds', 'DiskIds'],
  ['autoSnapshotPolicyId', 'AutoSnapshotPolicyId'],
  ['autoSnapshotPolicyName', 'AutoSnapshotPolicyName'],
  ['timePoints', 'TimePoints'],
  ['repeatWeekdays', 'RepeatWeekdays'],
  ['retentionDays', 'RetentionDays'],
]);

/** Indexes in `Name.N`; more than any list may hold, and small enough to sort. */
const LIST_INDEX = /^[1-9]\d{0,3}$/;

export interface Decoded {
  /** Everything that could be read. Complete and of the described type when there is no `problem`. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The first thing that is wrong: an unknown parameter, then a missing one, then a malformed one. */
  readonly problem: ApiError | undefined;
}

/** One parameter below a root name: `Tag.1.Key` is the path `['1', 'Key']` below `Tag`. */
interface Part {
  readonly wireName: string;
  readonly path: readonly string[];
  readonly value: string;
}

/**
 * Reads `parameters` as the input of `action`.
 *
 * A parameter that neither the action nor the common list knows is a problem, so that a misspelled `Encrypted` never
 * makes a plain disk. An empty value means "not given", except inside lists and for the names in `keepEmpty`.
 */
export function decodeInput(
  action: string,
  description: ActionDescription,
  parameters: ReadonlyMap<string, string>,
): Decoded {
  const reader = new Reader();
  const roots = new Map<string, Part[]>();
  for (const [wireName, value] of parameters) {
    const [first = '', ...path] = wireName.split('.');
    const root = knownName(first, description.request);
    if (root !== undefined) {
      const parts = roots.get(root) ?? [];
      if (value !== '' || path.length > 0 || description.keepEmpty.includes(root))
        parts.push({ wireName, path, value });
      roots.set(root, parts);
    } else if (!COMMON.has(LOWER_CAMEL.get(wireName) ?? wireName)) {
      reader.unknown.push(wireName);
    }
  }
  const entries = Object.entries(description.request).flatMap(([name, shape]): [string, unknown][] => {
    const value = reader.read(name, shape, roots.get(name) ?? []);
    return value === undefined ? [] : [[name, value]];
  });
  const input = Object.fromEntries(entries);
  return { input, problem: problemOf(action, description, reader, input, roots) };
}

function knownName(name: string, request: Members): string | undefined {
  if (Object.hasOwn(request, name)) return name;
  const pascal = LOWER_CAMEL.get(name);
  return pascal !== undefined && Object.hasOwn(request, pascal) ? pascal : undefined;
}

function problemOf(
  action: string,
  description: ActionDescription,
  reader: Reader,
  input: Readonly<Record<string, unknown>>,
  roots: ReadonlyMap<string, readonly Part[]>,
): ApiError | undefined {
  const [unknown] = reader.unknown;
  if (unknown !== undefined) {
    const hint = closestName(unknown, Object.keys(description.request));
    return new ApiError(
      'UnsupportedParameter',
      400,
      `${action} has no parameter "${shortened(unknown)}".${hint === undefined ? '' : ` Did you mean "${hint}"?`}`,
    );
  }
  const missing = description.required.find((name) => input[name] === undefined && !roots.get(name)?.length);
  if (missing !== undefined) return missingParameter(missing, description.missingCode[missing]);
  const [malformed] = reader.malformed;
  if (malformed === undefined) return undefined;
  const code = description.malformedCode[malformed.wireName] ?? 'InvalidParameter';
  return new ApiError(code, 400, `The parameter "${shortened(malformed.wireName)}" ${malformed.expected}.`);
}

export function missingParameter(name: string, code = 'MissingParameter'): ApiError {
  return new ApiError(code, 400, `The parameter "${name}" is mandatory for this request and was not given.`);
}

/** Reads values by shape and notes what does not fit instead of throwing, so that one pass finds everything. */
class Reader {
  readonly unknown: string[] = [];
  readonly malformed: { wireName: string; expected: string }[] = [];

  read(name: string, shape: Shape, parts: readonly Part[]): unknown {
    const [first, second] = parts;
    if (first === undefined) return undefined;
    if (isList(shape)) return this.#list(name, shape[0], parts);
    if (isStructure(shape)) return this.#structure(name, shape, parts);
    if (shape === 'map') return this.#map(parts);
    const deeper = parts.find((part) => part.path.length > 0);
    if (deeper !== undefined) this.unknown.push(deeper.wireName);
    else if (second !== undefined) this.#refuse(second, `is the same as "${first.wireName}": send one of the two`);
    return this.#scalar(shape, first);
  }

  #scalar(shape: 'string' | 'number' | 'boolean', part: Part): unknown {
    const { value } = part;
    if (shape === 'string') return value;
    if (value === '') return undefined;
    if (shape === 'number') {
      if (/^(0|[1-9]\d{0,15})$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
      return this.#refuse(part, 'must be a whole number in plain digits, such as 20');
    }
    if (/^(true|1)$/i.test(value)) return true;
    if (/^(false|0)$/i.test(value)) return false;
    return this.#refuse(part, 'must be true or false');
  }

  /** In the order of the numbers; gaps close up. */
  #list(name: string, inner: Shape, parts: readonly Part[]): unknown[] {
    const items = this.#grouped(parts, (index) => LIST_INDEX.test(index));
    return [...items]
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([index, itemParts]) => this.read(`${name}.${index}`, inner, itemParts))
      .filter((item) => item !== undefined);
  }

  #structure(name: string, members: Members, parts: readonly Part[]): Record<string, unknown> {
    const groups = this.#grouped(parts, (member) => Object.hasOwn(members, member));
    const entries = [...groups].flatMap(([member, memberParts]): [string, unknown][] => {
      const shape = members[member];
      const value = shape === undefined ? undefined : this.read(`${name}.${member}`, shape, memberParts);
      return value === undefined ? [] : [[member, value]];
    });
    return Object.fromEntries(entries);
  }

  /** The parts by the next step of their path, which must satisfy `accepts`. */
  #grouped(parts: readonly Part[], accepts: (step: string) => boolean): Map<string, Part[]> {
    const groups = new Map<string, Part[]>();
    for (const part of parts) {
      const [step, ...path] = part.path;
      if (step === undefined || !accepts(step)) {
        this.unknown.push(part.wireName);
        continue;
      }
      const group = groups.get(step) ?? [];
      group.push({ ...part, path });
      groups.set(step, group);
    }
    return groups;
  }

  /** One JSON object of strings, or one parameter for each key; keys may contain dots. */
  #map(parts: readonly Part[]): Record<string, string> | undefined {
    const whole = parts.find((part) => part.path.length === 0);
    if (whole === undefined) {
      return Object.fromEntries(parts.map(({ path, value }) => [path.join('.'), value]));
    }
    const expected = 'must be one JSON object whose values are strings';
    if (parts.length > 1) return this.#refuse(whole, expected);
    try {
      const parsed: unknown = JSON.parse(whole.value);
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
        const entries = Object.entries(parsed);
        if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
          return Object.fromEntries(entries);
        }
      }
    } catch {
      // Not JSON: the same refusal as for JSON of another shape.
    }
    return this.#refuse(whole, expected);
  }

  #refuse(part: Part, expected: string): undefined {
    this.malformed.push({ wireName: part.wireName, expected });
    return undefined;
  }
}

/** Names come from the client: keep them from filling the message. */
function shortened(name: string): string {
  return name.length <= 64 ? name : `${name.slice(0, 64)}…`;
}
