/** What conditions can ask about a request, by key: `acs:SourceIp`, `kms:tag/env`, … */
export type ConditionContext = Readonly<Record<string, string | readonly string[]>>;

/** The same, ready to be asked: takes what `comparableKey` answers; what a request has not is an empty list. */
export type ConditionValues = (comparableKey: string) => readonly string[];

/**
 * A key as it is compared: without case, but for the key of a tag behind the `/`. `env` and `ENV` are two tags, and who may
 * set one must not answer with it for the other.
 */
export function comparableKey(key: string): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key.toLowerCase() : key.slice(0, slash).toLowerCase() + key.slice(slash);
}

const NONE: readonly string[] = [];

/** Nothing is looked at before a condition asks, since most statements have none. */
export function conditionValues(context: ConditionContext): ConditionValues {
  let values: Map<string, readonly string[]> | undefined;
  return (key) => {
    values ??= new Map(
      Object.entries(context).map(([name, value]) => [
        comparableKey(name),
        typeof value === 'string' ? [value] : value,
      ]),
    );
    return values.get(key) ?? NONE;
  };
}
