/** strstr's search. Source: Knuth, Morris and Pratt, "Fast Pattern Matching in Strings". */

/** Products of both lengths up to which the host's own search, which is quadratic at worst, is quick in any case. */
const QUICK = 2 ** 24;

/** Index of the first place of a text in another, or -1; in time linear in both lengths, whatever a program has put there. */
export function indexOfText(text: string, wanted: string): number {
  if (text.length * wanted.length <= QUICK) return text.indexOf(wanted);
  const borders = bordersOf(wanted);
  let matched = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    while (matched > 0 && wanted.charCodeAt(matched) !== unit) matched = borders[matched - 1]!;
    if (wanted.charCodeAt(matched) === unit) matched++;
    if (matched === wanted.length) return at - matched + 1;
  }
  return -1;
}

/** For each beginning of a text, the length of the longest shorter beginning that it ends with. */
function bordersOf(wanted: string): Uint32Array {
  const borders = new Uint32Array(wanted.length);
  let border = 0;
  for (let at = 1; at < wanted.length; at++) {
    while (border > 0 && wanted.charCodeAt(at) !== wanted.charCodeAt(border)) border = borders[border - 1]!;
    if (wanted.charCodeAt(at) === wanted.charCodeAt(border)) border++;
    borders[at] = border;
  }
  return borders;
}
