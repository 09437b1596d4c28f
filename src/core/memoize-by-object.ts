/**
 * A derivation that is made once for each value it is asked about and kept as long as that value. It helps
 * where values are shared, as those are that a view remembers.
 */
export function memoizeByObject<Key extends object, Made>(
  make: (key: Key) => Made,
): (key: Key) => Made {
  const made = new WeakMap<Key, { readonly value: Made }>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known.value;
    const value = make(key);
    made.set(key, { value });
    return value;
  };
}
