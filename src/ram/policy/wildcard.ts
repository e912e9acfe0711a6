/**
 * Whether `text` matches `pattern`, in which `*` stands for any characters (also none) and `?` for exactly one.
 * Takes at most |pattern| × |text| steps whatever the pattern.
 * Source: RAM documentation, policy grammar, "wildcards".
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p;
      p += 1;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      // Let the last star swallow one character more and try again behind it.
      p = star + 1;
      resume += 1;
      t = resume;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

/** The same question for many texts: patterns without a wildcard, or with one `*` at the end, need no walk. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const first = pattern.search(/[*?]/);
  if (first < 0) return (text) => text === pattern;
  if (first === pattern.length - 1 && pattern.endsWith('*')) {
    const start = pattern.slice(0, -1);
    return (text) => text.startsWith(start);
  }
  return (text) => matchesWildcard(pattern, text);
}
