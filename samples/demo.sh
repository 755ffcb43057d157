#!/usr/bin/env bash
# Starts a proxy, prefill and decode instances with the demo model, asks them questions, and shows who did what.
# Builds what isn't built. See --help, and samples/README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
lib=$here/target/demo/lib

need() {
    command -v "$1" > /dev/null || { echo "$1 is missing: $2" >&2; exit 1; }
}
need java "install a JDK of version 17 or newer, and put its bin directory on the PATH"
version=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.specification.version = //p')
[ "${version%%.*}" -ge 17 ] || { echo "Java $version is too old: 17 or newer is needed" >&2; exit 1; }

stale() {
    [ ! -f "$lib/.complete" ] || [ -n "$(find "$root" \( -name target -o -name .git -o -name benchmarks \) -prune -o \
        -type f \( -path '*/src/main/*' -o -name pom.xml \) -newer "$lib/.complete" -print -quit)" ]
}
if stale; then
    need mvn "install Maven 3.8 or newer; it is needed for the first start only"
    need javac "a JRE isn't enough for the first start: install a JDK"
    echo "Building (the first time, Maven fetches libraries: some minutes) ..."
    rm -rf "$lib"
    # In the background: while a command runs in the foreground, a shell acts on no signal.
    (cd "$root" && exec mvn -q -B -ntp -DskipTests -Dspotless.check.skip -pl samples -am package) &
    build=$!
    trap 'kill "$build" 2> /dev/null; wait "$build" || true; exit 130' INT TERM HUP
    wait "$build"
    trap - INT TERM HUP
    touch "$lib/.complete"
fi
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$lib/*" io.kvlink.samples.Demo --samples "$here" "$@"
