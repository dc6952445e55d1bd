#!/bin/sh
# Cuts CLINC150 down for clinc150-generation.yaml: the 30 intents of banking and travel, 1,000 queries to learn from, 300 others to
# measure with. Labels become words: "pay_bill" is "pay bill".
# usage: examples/studies/clinc150.sh FOLDER       with train.jsonl and test.jsonl, a line each: {"text": …, "label": …, "domain": …}
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$here/clinc150"
for split in train test; do
    grep -E '"domain": *"(banking|travel)"' "$1/$split.jsonl" | awk 'NR % 3 == 1' |
        sed -E ':next; s/("label": *"[^"_]*)_/\1 /; t next' > "$here/clinc150/$split.jsonl"
done
