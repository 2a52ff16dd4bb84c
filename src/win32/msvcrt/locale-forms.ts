/**
 * The forms of functions that take a locale as their last argument: there is only "C", so that they are the others. Source:
 * Microsoft, "Locale", "_create_locale, _wcreate_locale", "_get_current_locale".
 */
import type { Service, ServiceFunction } from '../../nt/service.js';
import { EINVAL } from './errno.js';
import { block, failWith } from './state.js';
import { readNarrow, readWide } from './text.js';

type Functions = Readonly<Record<string, Service | ServiceFunction>>;

/** Name of a form with a locale -> that of the function without one. */
const FORMS: Readonly<Record<string, string>> = {
  _atoi64_l: '_atoi64',
  _atoi_l: 'atoi',
  _atol_l: 'atol',
  _mbstowcs_s_l: 'mbstowcs_s',
  _memicmp_l: '_memicmp',
  _strftime_l: 'strftime',
  _stricoll_l: '_stricoll',
  _strlwr_l: '_strlwr',
  _strlwr_s_l: '_strlwr_s',
  _strncoll_l: '_strncoll',
  _strnicoll_l: '_strnicoll',
  _strtoi64_l: '_strtoi64',
  _strtoui64_l: '_strtoui64',
  _strupr_l: '_strupr',
  _strupr_s_l: '_strupr_s',
  _strxfrm_l: 'strxfrm',
  _wcscoll_l: 'wcscoll',
  _wcsftime_l: 'wcsftime',
  _wcsicoll_l: '_wcsicoll',
  _wcslwr_l: '_wcslwr',
  _wcsncoll: 'wcsncmp',
  _wcsncoll_l: 'wcsncmp',
  _wcsnicmp_l: '_wcsnicmp',
  _wcsnicoll_l: '_wcsnicoll',
  _wcstod_l: 'wcstod',
  _wcstoi64_l: '_wcstoi64',
  _wcstol_l: 'wcstol',
  _wcstombs_s_l: 'wcstombs_s',
  _wcstoui64_l: '_wcstoui64',
  _wcstoul_l: 'wcstoul',
  _wcsupr_l: '_wcsupr',
  _wcsxfrm_l: 'wcsxfrm',
  _wctomb_s_l: 'wctomb_s',
  _wtof_l: '_wtof',
  _wtoi64_l: '_wtoi64',
  _wtoi_l: '_wtoi',
  _wtol_l: '_wtol',
};

const LC_MAX = 5;
const LOCALE_BYTES = 16;
const NAME_LIMIT = 16;

/** _create_locale(category, name): the locale "C", or NULL. */
const create =
  (wide: boolean): ServiceFunction =>
  (call) => {
    const [category, name] = [call.i32(0), call.address(1)];
    if (category < 0 || category > LC_MAX || name === 0) return failWith(call, EINVAL, 0);
    const text = wide ? readWide(call.memory, name, NAME_LIMIT) : readNarrow(call.memory, name, NAME_LIMIT);
    return text === 'C' || text === '' || text === 'POSIX' ? block(call, 'locale', LOCALE_BYTES) : 0;
  };

export const localeObjects: Record<string, ServiceFunction> = {
  _create_locale: create(false),
  _wcreate_locale: create(true),
  _get_current_locale: (call) => block(call, 'locale', LOCALE_BYTES),
  /** Nothing is held for a locale. */
  _free_locale: () => undefined,
};

/** The forms with a locale of functions that are among these. */
export function localeForms(functions: Functions): Record<string, Service | ServiceFunction> {
  const forms: Record<string, Service | ServiceFunction> = {};
  for (const [name, plain] of Object.entries(FORMS)) {
    const found = functions[plain];
    if (found === undefined) throw new Error(`${name}: there is no ${plain}`);
    forms[name] = found;
  }
  return forms;
}
