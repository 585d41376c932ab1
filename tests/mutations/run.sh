#!/usr/bin/env bash
# Mutation tests: do the tests of flows notice a bug? Each of tests/mutations/list.txt, of the kinds that flow libraries
# have shipped, is put into a copy of the sources, and the tests of flows and MADE, in double, must turn red.
#
#   tests/mutations/run.sh            all of them; a quarter of a minute each
#   tests/mutations/run.sh maf made   those whose file or description has one of these words
#
# Prints what caught each. Exit status 1 where one was missed, no longer applies, or doesn't compile.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2

out=build/double folders="tensor autograd nn optim flows"
mkdir -p build
copy=$PWD/$(mktemp -d -p build mutations.XXXXXX)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM

# The sources, and hard links to what is built already; of the library and the tests only what is needed here.
tests=$(ls tests/flows_*_test.cc tests/nn_made_test.cc)
mkdir -p "$copy/tests" "$copy/$out/tests"
cp -a Makefile $folders "$copy" && cp -a tests/*.h $tests "$copy/tests" || exit 2
for folder in $folders; do [ -d $out/$folder ] && cp -al $out/$folder "$copy/$out"; done
cp -al $out/flags $out/*.h $out/*.gch "$copy/$out" 2>/dev/null
for test in $tests; do cp -al $out/${test%.cc}.{o,d} "$copy/$out/tests" 2>/dev/null; done
cd "$copy" || exit 2
# The tests that include the header of $1 are linked, and so run, first.
build() {
  local first rest objects
  first=$(grep -l "\"${1%.cc}.h\"" $tests) rest=$(grep -L "\"${1%.cc}.h\"" $tests)
  objects=$(for test in $first $rest; do printf "%s " "$out/${test%.cc}.o"; done)
  make REAL=double BATCH=1 FOLDERS="$folders" SUPPORT= TESTS="$objects" $out/run_tests >build.log 2>&1
}
# On one thread, and without the million evaluations that look for NaNs: fifty times those would take long.
red() {
  ! OMP_NUM_THREADS=1 timeout 900 $out/run_tests --gtest_brief=1 --gtest_fail_fast \
    --gtest_filter=-*NeverGivesNaN* >tests.log 2>&1
}

build none || { tail -20 build.log; echo "The sources don't build as they are."; exit 2; }
red && { tail -20 tests.log; echo "The tests are red as they are."; exit 2; }

wanted() {  # is one of the other words in $1, or is there none?
  local text=$1 word
  [ $# -eq 1 ] && return
  for word in "${@:2}"; do [[ $text == *$word* ]] && return; done
  return 1
}

caught=0 bad=0 description=
while read -r file edit; do
  case $file in
    '') continue ;;
    '#') description=$edit; continue ;;
  esac
  wanted "$file $description" "$@" || continue
  object=$out/${file%.cc}.o
  cp -p "$file" whole.cc && mv "$object" whole.o
  sed -i "$edit" "$file"
  if cmp -s "$file" whole.cc; then result="DOES NOT APPLY"
  elif ! build "$file"; then result="DOES NOT COMPILE"
  elif red; then result="caught by $(grep -m1 -oP '\[  FAILED  \] \K[\w.]+' tests.log || echo a crash)"
  else result="MISSED"
  fi
  cp -p whole.cc "$file" && rm -f "$object" && mv whole.o "$object"
  case $result in caught*) caught=$((caught + 1)) ;; *) bad=$((bad + 1)) ;; esac
  printf '%-18s %-62s %s\n' "${file#flows/}" "$description" "$result"
done < <(cat ../../tests/mutations/list.txt)
echo "$caught caught, $bad not"
[ $bad -eq 0 ] && [ $caught -gt 0 ]
