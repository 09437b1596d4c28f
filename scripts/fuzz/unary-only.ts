interface Described {
  readonly paths: Readonly<Record<string, object>>;
}

/** A description without the methods that answer with a stream: schemathesis cannot read the frames of Connect. */
export function unaryOnly(description: unknown): Described {
  const { paths, ...rest } = description as Described;
  const isUnary = ([, path]: readonly [string, object]): boolean =>
    !JSON.stringify(path).includes('application/connect+json');
  return { ...rest, paths: Object.fromEntries(Object.entries(paths).filter(isUnary)) };
}
