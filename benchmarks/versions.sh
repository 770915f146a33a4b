#!/usr/bin/env bash
# Does acgan work with this Python and these libraries? A row of docs/versions.md:
#
#   benchmarks/versions.sh PYTHON REQUIREMENT...     benchmarks/versions.sh python3.12 torch==2.14.1 torchvision==0.29.1
#   benchmarks/versions.sh PYTHON least REQUIREMENT...      every library at the least version that pyproject.toml allows
#
# It makes an environment of its own in a temporary folder (up to 7 GB, which it removes), installs the wheel of this checkout
# there, and runs the commands and a part of the unit tests with it. It ends with a table's row, and 1 where something failed.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
python=$1; shift
requirements=("$@")
if [ "${1:-}" = least ]; then
  # What stands in `dependencies`: "torch>=2.6" becomes torch==2.6.
  requirements=($(sed -n '/^dependencies = \[/,/^\]/s/^ *"\([A-Za-z0-9-]*\)>=\([0-9.]*\)".*/\1==\2/p' "$root/pyproject.toml") "${@:2}")
fi
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 XDG_CACHE_HOME="$work/cache" PIP_DISABLE_PIP_VERSION_CHECK=1
cd "$work"  # away from the checkout: what is imported is the wheel
bin=$work/venv/bin

"$python" -m venv venv && "$bin/pip" wheel -qq --no-deps --wheel-dir . "$root" || exit 1
"$bin/pip" install -qq --no-cache-dir ./acgan-*.whl "${requirements[@]}" || exit 1

failed=""
run() {  # NAME COMMAND...
  echo "--- $*"
  "${@:2}" >"$work/output" 2>&1
  local code=$?
  tail -n 12 "$work/output"
  [ $code = 0 ] || { failed="$failed $1"; echo "*** $1: exit code $code"; grep -m 20 -E "^(FAILED|ERROR|Error|error)" output; }
}
tiny=(--set train.threads=1 --set train.total_nimg=2_000 --set every.evaluate_nimg=1_000)
run doctor   "$bin/acgan" doctor
run train    "$bin/acgan" train digits --run-dir gan "${tiny[@]}"
run resume   "$bin/acgan" train gan --set train.total_nimg=3_000
run sample   "$bin/acgan" sample gan -n 20 --out samples.npz
run page     "$bin/acgan" sample gan --out page.png
run evaluate "$bin/acgan" evaluate gan
run report   "$bin/acgan" report gan
run classify "$bin/acgan" classify train digits --run-dir classifier --epochs 1 --set train.threads=1
run resnet   "$bin/acgan" classify train digits --run-dir resnet --backbone resnet18 --aux layer2 --epochs 0.1
run judge    "$bin/acgan" evaluate gan --extractor classifier
run pip "$bin/pip" install -qq --no-cache-dir "$(echo ./acgan-*.whl)[heif,hf,results]" "${requirements[@]}" \
  pytest hypothesis torch-fidelity torchmetrics prdc webdataset
tests=(losses metrics config data training models/test_{heads,layers,residual,discriminator,attention,style,classifier}.py)
run tests    "$bin/python" -m pytest -q -p no:cacheprovider --rootdir "$root" --basetemp "$work/pytest" \
  -m "not slow" "${tests[@]/#/$root/tests/unit/}"
summary=$(tail -n 1 output | tr -d =)

"$bin/python" - "${failed:- none}" "$summary" <<'ROW'
import platform, sys
from importlib.metadata import version
names = "torch", "torchvision", "numpy", "scipy", "scikit-learn", "pillow", "pydantic"
print("|", platform.python_version(), "|", " | ".join(map(version, names)), "|", *sys.argv[1].split(), "|", sys.argv[2].strip(), "|")
ROW
[ -z "$failed" ]
