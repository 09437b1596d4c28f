const mostNames = 20;
const longestName = 100;

/** Names of a list as an answer repeats them: at most 20, each at most 100 characters, then how many more there are. */
export function boundedNames(names: readonly string[]): readonly string[] {
  const shown = names.slice(0, mostNames).map((name) => name.slice(0, longestName).toWellFormed());
  const more = names.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}
