/** Words that a reader of technical English stumbles over, and the usual ones. */
export const plainWords: readonly { readonly unusual: RegExp; readonly usual: string }[] = [
  {
    unusual: /\b(?:is|are|was|were) told\b|\bTold (?:of|when|why|how)\b/,
    usual: 'is reported, called with',
  },
  { unusual: /\balike\b/i, usual: 'in the same way, equal' },
  { unusual: /\banew\b/i, usual: 'again' },
  { unusual: /\bbears?\b/i, usual: 'has, contains, allows' },
  { unusual: /\bmend(?:s|ed)?\b/i, usual: 'fix' },
  {
    unusual: /\b(?:at all events|lest|wherein|thereof|hither|brought to life|for ever)\b/i,
    usual: 'plain words',
  },
];
