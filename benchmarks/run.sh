#!/usr/bin/env bash
# Builds the benchmarks and runs one: benchmarks/run.sh <name> [arguments of that benchmark].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    echo "usage: benchmarks/run.sh alloc [regex] [JMH options]   the host pool against Netty's" >&2
    echo "       benchmarks/run.sh wire [--help]                KV between engines, over all planes of this machine" >&2
    echo "         --only-floors --planes tcp --topologies 1P1D  the TCP plane alone against a bare socket" >&2
    echo "         --one-process --planes tcp --layers 8         one request within one process" >&2
    echo "       benchmarks/run.sh serving [DECODE|ARRIVALS] [options] the demo model on the CPU: batches, and arrivals of prompts" >&2
    echo "       benchmarks/run.sh gpu-serving --model DIR [--help] steps, first tokens and many clients of one model on a device" >&2
    echo "       benchmarks/run.sh soak [--help]                many clients of the demo for ten minutes" >&2
    exit 2
}

case "${1:-}" in
    alloc) main=(org.openjdk.jmh.Main) defaults=(AllocatorBenchmark) ;;
    wire) main=(io.kvlink.benchmarks.wire.WireBenchmark) defaults=() ;;
    serving | gpu-serving)
        # Options of the JVM, such as -Dai.djl.pytorch.num_threads=2, in SERVING_OPTS.
        read -ra options <<< "${SERVING_OPTS:-}"
        main=(-Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
        tool=io.kvlink.benchmarks.serving.ServingBenchmark defaults=()
        if [[ $1 == serving ]]; then
            main+=(-Dai.djl.pytorch.num_threads=1 "${options[@]}" "$tool" --model samples/model --device cpu
                --decode-batch "fast,off" --rows 1,2,4,8,16,32,64 --contexts 32 --steps 95 --rounds 5 --greedy)
            if [[ ${2:-} == DECODE || ${2:-} == ARRIVALS ]]; then
                main+=(--only "$2")
                shift
            else
                main+=(--only DECODE,ARRIVALS)
            fi
        else
            main+=("${options[@]}" "$tool")
        fi
        # DJL reports each engine start home.
        export OPT_OUT_TRACKING=true
        ;;
    soak) main=(io.kvlink.benchmarks.soak.SoakBenchmark) defaults=() ;;
    *) usage ;;
esac
shift
if [[ $# == 0 || $1 == -* ]]; then
    main+=("${defaults[@]}")
fi

# In one reactor run, since siblings resolve to their target/classes there, and nowhere else.
classpath_file=$PWD/benchmarks/target/classpath.txt
# In the background: while a command runs in the foreground, a shell acts on no signal.
mvn -q -B -ntp -pl benchmarks -am -DskipTests test-compile \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
    -Dmdep.outputFile="$classpath_file" -Dmdep.includeScope=runtime &
build=$!
trap 'kill "$build" 2> /dev/null; wait "$build" || true; exit 130' INT TERM HUP
wait "$build"
trap - INT TERM HUP
exec java -cp "benchmarks/target/classes:$(cat "$classpath_file")" "${main[@]}" "$@"
