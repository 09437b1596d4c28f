const name = /^[a-z][a-z0-9_.-]{0,63}$/;

/** What is wrong with the name of a unit, or undefined. It says the name only where that cannot be misread. */
export function unitNameFault(text: string): string | undefined {
  if (name.test(text)) return undefined;
  const named = /^[\w.-]{1,64}$/.test(text) ? ` ${text}` : '';
  return `has a name${named} that is not 1 to 64 characters of a-z 0-9 _ . - with a letter first`;
}
