import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { rightOf } from '../../src/auth/rights.ts';
import { exceptions } from './exceptions.ts';
import { fieldOf, kindOf, methodKinds, resourceOf } from './method-kind.ts';

const head = [
  'Method',
  'Kind',
  'request_id',
  'validate_only',
  'reason',
  'etag',
  'Mask',
  'Page',
  'Role',
];

/** The methods of the admin plane and their properties, as a table of Markdown, with what is different and why. */
export function apiTable(services: readonly DescService[]): string {
  const rows = services.flatMap((service) =>
    service.methods.map((method) => [`${service.name}.${method.name}`, ...propertiesOf(method)]),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const why = exceptions.map(({ fault, because }) => `- ${fault.replace(': ', ' ')}: ${because}.`);
  const different = 'What is different, and why:';
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    different,
    '',
    ...why,
  ].join('\n');
}

function propertiesOf(method: DescMethod): string[] {
  const { input, output } = method;
  const kind = kindOf(method)?.kind ?? 'Get';
  const mark = (field: string): string => (fieldOf(input, field) ? 'yes' : '');
  const inPage = ['contains', 'search', 'order_by'].filter((field) => fieldOf(input, field));
  const counted = ['total_size'].filter((field) => fieldOf(output, field));
  const page = ['page_size', ...inPage, ...counted].join(', ');
  const batch = kind === 'BatchGet' ? 'ids' : '';
  return [
    methodKinds[kind],
    mark('request_id'),
    mark('validate_only'),
    mark('reason'),
    etagOf(method),
    mark('update_mask'),
    fieldOf(input, 'page_token') ? page : batch,
    roleOf(method),
  ];
}

/** The least role that may call it; the others are above that. */
function roleOf(method: DescMethod): string {
  const { roles, forPlatform } = rightOf(method);
  const [least = ''] = roles;
  if (forPlatform === undefined) return least;
  return `${least} (${forPlatform.roles.join(', ')} ${forPlatform.does})`;
}

function etagOf(method: DescMethod): string {
  if (fieldOf(method.input, 'etag')) return 'in the request';
  const found = kindOf(method);
  if (found?.kind !== 'Update') return '';
  const resource = resourceOf(method, found.noun);
  return resource && fieldOf(resource.message, 'etag') ? `in ${resource.field.name}` : '';
}
