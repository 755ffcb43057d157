#!/usr/bin/env bash
# Runs one client's example against a running demo (samples/demo.sh --serve), or what ADDRESS says. Builds what isn't built.
# usage: run.sh jdk|openai-java|langchain4j|spring-ai [ADDRESS]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage="usage: run.sh jdk|openai-java|langchain4j|spring-ai [ADDRESS]"
client=${1:?$usage}
case $client in
    jdk) main=JdkClient ;;
    openai-java) main=OpenAiJava ;;
    langchain4j) main=LangChain4j ;;
    spring-ai) main=SpringAi ;;
    *) echo "$usage" >&2; exit 2 ;;
esac
built=$here/$client/target/class-path
if [ ! -f "$built" ] || [ -n "$(find "$here/pom.xml" "$here/$client/pom.xml" "$here/$client/src/main" -newer "$built" -print -quit)" ]; then
    echo "Building (the first time, Maven fetches the client's libraries) ..." >&2
    # The file is left as it was if nothing in it changes.
    rm -f "$built"
    (cd "$here/../.." && mvn -q -B -ntp -DskipTests -Dspotless.check.skip -pl "samples/clients/$client" -am package)
fi
exec java -cp "$here/$client/target/classes:$(cat "$built")" "io.kvlink.samples.client.$main" "${@:2}"
