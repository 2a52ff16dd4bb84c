/**
 * UTF-16 units of the longest command line without its terminating zero. Source: Microsoft, "CreateProcessW function": 32,767
 * characters with the zero.
 */
export const MAXIMUM_COMMAND_LINE = 32_766;

/**
 * One command line of arguments, so that CommandLineToArgvW and C runtimes give them back: quotes around what is empty or
 * has spaces, backslashes before a quote doubled. Source: Microsoft, "Parsing C command-line arguments".
 */
export function quoteArguments(args: readonly string[]): string {
  return args.map(quoteArgument).join(' ');
}

function quoteArgument(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  const escaped = argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1');
  return `"${escaped}"`;
}
