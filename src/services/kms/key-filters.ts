import type { KeyFilter } from '../../metadata/keys.ts';
import { invalidParameter } from './errors.ts';

type FilterColumn = Exclude<keyof KeyFilter, 'accountId' | 'regionId' | 'aliveAtMs'>;

const COLUMN: Readonly<Record<string, FilterColumn>> = {
  KeyState: 'keyStates',
  KeySpec: 'keySpecs',
  KeyUsage: 'keyUsages',
  ProtectionLevel: 'protectionLevels',
  CreatorType: 'creatorTypes',
};

/** `Filters` of ListKeys: `[{"Key":"KeyState","Values":["Enabled"]}, …]`; all must hold. @throws {ApiError} */
export function parseKeyFilters(text: string | undefined): Pick<KeyFilter, FilterColumn> {
  if (text === undefined) return {};
  const invalid = invalidParameter(
    'Filters',
    `a JSON list of {"Key", "Values"} with the keys ${Object.keys(COLUMN).join(', ')}`,
  );
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw invalid;
  }
  if (!Array.isArray(list)) throw invalid;
  const filter: Partial<Record<FilterColumn, readonly string[]>> = {};
  for (const item of list as unknown[]) {
    const { Key: name, Values: values } = (item ?? {}) as Record<string, unknown>;
    const column = typeof name === 'string' && Object.hasOwn(COLUMN, name) ? COLUMN[name] : undefined;
    const isList = Array.isArray(values) && values.length > 0 && values.length <= 20;
    if (column === undefined || !isList || column in filter) throw invalid;
    if (!values.every((value): value is string => typeof value === 'string')) throw invalid;
    filter[column] = values;
  }
  return filter;
}
