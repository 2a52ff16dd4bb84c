# Sourced by the scripts that run programs under Wine: sets $wine to the program and $work to a folder that is removed at the
# end, with a fresh prefix in it. Ends with 1 where Wine is not installed.
wine=$(command -v /usr/lib/wine/wine64 || command -v wine64 || command -v wine || true)
if [ -z "$wine" ]; then
  echo "Wine is missing; on Debian: apt-get install wine64" >&2
  exit 1
fi
work=$(mktemp -d)
export WINEPREFIX="$work/prefix" WINEDEBUG=-all WINEDLLOVERRIDES='winedbg.exe,mscoree,mshtml=d'
server=$(command -v /usr/lib/wine/wineserver64 || command -v wineserver || true)
finish() {
  if [ -n "$server" ]; then "$server" -k >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap finish EXIT
"$wine" wineboot -i >/dev/null 2>&1
