#!/usr/bin/env bash
# Runs every line of examples/runs.txt under Wine, in a prefix of its own that is removed afterwards, and writes
# examples/wine.md: what agrees with the expected text and what does not, with Wine's words and the reason kept in
# examples/<name>/wine-differs.md. Ends with 1 when a disagreement has no reason on file.
# An exit code is compared by its low 8 bits, as Wine hands no more to its host.
set -euo pipefail
source "$(dirname "$0")/wine-prefix.sh"
cd "$(dirname "$0")/../examples"

agreed=0 differed=0 unexplained=0
run() { # expected, exit code, made file, program, arguments
  local folder="$work/run" problem='' code=0
  rm -rf "$folder" && mkdir "$folder" && cp sort/lines.txt widen/ascii.txt "$folder"
  (cd "$folder" && timeout 120 "$wine" "$OLDPWD/bin/$4" "${@:5}" >"$work/out" 2>/dev/null) || code=$?
  cmp -s "$work/out" "$1" || problem='output'
  [ "$code" -eq $(($2 & 255)) ] || problem="${problem:+$problem, }exit code $code"
  if [ "$3" != - ]; then cmp -s "$folder/${3%%=*}" "${3#*=}" || problem="${problem:+$problem, }${3%%=*}"; fi
  if [ -z "$problem" ]; then
    agreed=$((agreed + 1))
    printf -- '- `%s`: agrees\n' "${*:4}"
    return
  fi
  differed=$((differed + 1))
  printf -- '- `%s`: differs (%s)\n' "${*:4}" "$problem"
  local reason
  reason="$(dirname "$1")/wine-differs.md"
  if ! cmp -s "$work/out" "$1"; then
    printf '\n  ```diff\n'
    diff --label expected --label wine -U0 <(tr -d '\r' <"$1") <(tr -d '\r' <"$work/out") | grep -v '^@@' | sed 's/^/  /' || true
    printf '  ```\n\n'
  fi
  if [ -f "$reason" ]; then
    sed 's/^/  /' "$reason"
  else
    unexplained=$((unexplained + 1))
    printf '  No reason is on file.\n'
  fi
}

{
  printf '# The examples under Wine\n\n'
  printf "Written by \`scripts/wine-examples.sh\`, with %s. Where it differs, the expected text follows Microsoft's documentation.\n\n" "$("$wine" --version)"
  while read -r expected code made command; do
    case "$expected" in '' | '#'*) continue ;; esac
    read -r -a words <<<"$command"
    run "$expected" "$code" "$made" "${words[@]}" </dev/null
  done <runs.txt
  printf '\n%d runs agree, %d differ.\n' "$agreed" "$differed"
} >"$work/wine.md"
mv "$work/wine.md" wine.md
tail -n 1 wine.md
[ "$unexplained" -eq 0 ]
