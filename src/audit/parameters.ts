// What of a call's parameters and answer may stand in the log: nothing that is secret, and nothing that could be. PURE.

/**
 * Strings under these names are written as they are. Everything else that is a string, a password, a plaintext, a blob,
 * or a parameter that nobody thought of, is written as its length; numbers and booleans are never secret.
 */
const OPEN =
  /(?:Ids?|Names?|Arns?|Type|Spec|State|Status|Category|Origin|Usage|Level|Algorithm|Mode|Format|Description|Reason|Interval|Time|Date|Filters?|Tags?|Strategy|Mechanism|Attributes|Features|Language)$|^(?:Policy|PolicyDocument|.*AssumeRolePolicyDocument|Key|Value|EncryptionContext|Rolearn|Marker|ClientToken|DryRun|MultiAttach|EncryptAlgorithm|RegionId)$/;

/** Wins over `OPEN`. */
const CLOSED = /secret|password|passphrase|private|credential|plaintext|material|token$/i;
const CLOSED_EXCEPT = /^(?:ClientToken)$/;

/** The names in them are the client's own. */
const MAPS: readonly string[] = ['EncryptionContext'];

/** A longer JSON text of all parameters is left out: a policy has at most 6,144 characters. */
const PARAMETERS_BYTES_MAX = 32 * 1024;

export function isOpen(name: string): boolean {
  return OPEN.test(name) && (!CLOSED.test(name) || CLOSED_EXCEPT.test(name));
}

/** What stands in the place of a value that is not written. */
export interface Withheld {
  readonly withheld: number;
}

/** The decoded input of an action; undefined when it is empty. */
export function openParameters(input: Readonly<Record<string, unknown>>): object | undefined {
  const open = openMembers(input);
  if (Object.keys(open).length === 0) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(open));
  return bytes <= PARAMETERS_BYTES_MAX ? open : ({ withheld: bytes } satisfies Withheld);
}

function openMembers(members: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, openValue(name, value)]));
}

function openValue(name: string, value: unknown): unknown {
  if (typeof value === 'string') return isOpen(name) ? value : ({ withheld: value.length } satisfies Withheld);
  if (Array.isArray(value)) return value.map((item) => openValue(name, item));
  if (typeof value !== 'object' || value === null) return value;
  return MAPS.includes(name) ? value : openMembers(value);
}

const ID = /(?:Id|Arn)$/;
const ID_CHARACTERS_MAX = 256;

/** The ids in the body of an answer, at most one structure deep; undefined when there is none. */
export function idsOf(body: Readonly<Record<string, unknown>>): object | undefined {
  const ids: Record<string, string> = {};
  const collect = (members: object, isTop: boolean): void => {
    for (const [name, value] of Object.entries(members)) {
      if (typeof value === 'string') {
        if (ID.test(name) && !CLOSED.test(name) && value.length <= ID_CHARACTERS_MAX) ids[name] ??= value;
      } else if (isTop && typeof value === 'object' && value !== null && !Array.isArray(value)) collect(value, false);
    }
  };
  collect(body, true);
  return Object.keys(ids).length === 0 ? undefined : ids;
}
