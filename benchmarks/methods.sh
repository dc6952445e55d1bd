#!/usr/bin/env bash
# Every method on the quickstart, one process each; prints a table. See benchmarks/README.md.
# usage: [SEEDS="0 1 2"] [STEPS=0] benchmarks/methods.sh [METHOD...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seeds=${SEEDS:-0 1 2}
steps=${STEPS:-0}
data=${DATA:-$root/benchmarks/target/methods}
mkdir -p "$data"

field() { # of a summary
    grep -o "\"$2\" *: *[-0-9.eE+]*" "$1" | head -1 | sed 's/.*: *//'
}

failures=0
while IFS='|' read -r name adapter lr; do
    name=$(xargs <<< "$name")
    lr=$(xargs <<< "$lr")
    [ "$#" -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    for seed in $seeds; do
        file=$data/$name-$seed-$steps.json
        [ ! -s "$file" ] || continue # a study that was cut off goes on
        echo "$(date +%T) $name, seed $seed" >&2
        work=$(mktemp -d)
        if ! (cd "$root" && ./attune run examples/quickstart.yaml --json --quiet --set "output=$work" --set "seed=$seed" \
            --set "adapters=[$adapter]" --set "optimizer.lr=$lr" --set "train.max_steps=$steps") > "$work/summary" < /dev/null; then
            echo "methods: $name failed" >&2
            failures=$((failures + 1))
        else
            mv "$work/summary" "$file"
        fi
        rm -rf "$work"
    done
done < <(grep -v '^#' "$root/benchmarks/methods.txt")

echo "| method | learning rate | accuracy, mean | of seeds | macro-F1, mean | trained | of all | ms a step | peak MB |"
echo "|---|---|---|---|---|---|---|---|---|"
while IFS='|' read -r name adapter lr; do
    name=$(xargs <<< "$name")
    for seed in $seeds; do
        file=$data/$name-$seed-$steps.json
        [ -s "$file" ] || continue
        echo "$(field "$file" accuracy) $(field "$file" f1_macro) $(field "$file" trainable) $(field "$file" total)" \
            "$(field "$file" seconds) $(field "$file" step) $(field "$file" peakBytes)"
    done | awk -v name="$name" -v lr="$(xargs <<< "$lr")" '
        { n++; accuracy += $1; f1 += $2; trained = $3; total = $4; ms[n] = 1000 * $5 / $6; all = all (n > 1 ? " " : "") sprintf("%.4f", $1)
          if ($7 > peak) peak = $7 }
        END { if (n) { for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (ms[j] < ms[i]) { t = ms[i]; ms[i] = ms[j]; ms[j] = t }
              printf "| %s | %s | %.4f | %s | %.3f | %d | %.2f %% | %.0f | %.0f |\n", name, lr, accuracy / n, all, f1 / n, trained,
                  100 * trained / total, ms[int((n + 1) / 2)], peak / 1e6 } }'
done < <(grep -v '^#' "$root/benchmarks/methods.txt")
exit $((failures > 0))
