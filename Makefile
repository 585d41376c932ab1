# bijou's build, all of it. `make help` prints the lines marked ## below.
#
# The default variant is built in build/, every other one in a folder of its own beside it:
# `make REAL=double CXX=clang++` builds in build/clang-double.
#
## REAL=float|double: the library's number type
## ARCH=native|x86-64|x86-64-v2|...-v4: the processor to build for
## SANITIZE=address,undefined|thread: with run-time checks, slower
## CXX=g++|clang++: the compiler
## DATA=DIR: where the real data sets are; without it, data are generated
## BUILD=DIR: where everything is built
## BATCH=10: how many files of a folder are compiled together; 1 makes the shortest wait after an edit
## PREFIX=DIR: where `make install` puts things, /usr/local by default
REAL  ?= float
ARCH  ?= native
BUILD ?= build
BATCH ?= 10
PREFIX ?= /usr/local
PYTHON := /usr/bin/python3  # the one that Debian's python3-torch is for

SHELL       := bash
.SHELLFLAGS := -o pipefail -c
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
MAKEFLAGS   += --no-print-directory $(if $(filter 0,$(MAKELEVEL)),-j$(shell nproc))

PACKAGES := g++ make libopenblas-openmp-dev libhwy-dev libgtest-dev libcxxopts-dev zlib1g-dev libpng-dev \
            nlohmann-json3-dev libfftw3-dev gnuplot-nox pandoc pkgconf libbenchmark-dev
# For some targets only: python3-torch (peer-check, bench), clang-format (format), lld (links faster); `make data` installs
# what it needs. And where the compiler is clang (CXX=clang++, SANITIZE=thread, fuzz):
PACKAGES_CLANG := clang libomp-dev libclang-rt-dev

# The thread sanitizer must see OpenMP's barriers, or every parallel loop looks like a race. GCC's runtime hides them;
# clang's explains them through its tool Archer, which loads by itself and asks for the option below.
ifeq ($(SANITIZE),thread)
  CXX := $(if $(filter default,$(origin CXX)),clang++,$(CXX))
  export TSAN_OPTIONS := ignore_noninstrumented_modules=1
endif
ifneq (,$(DATA))
  export BIJOU_DATA := $(abspath $(DATA))
endif

VARIANT := $(subst ++,,$(filter-out g++,$(CXX))) $(filter-out float,$(REAL)) $(filter-out native,$(ARCH)) $(SANITIZE)
OUT     := $(BUILD)$(addprefix /,$(shell echo $(VARIANT) | tr ' ,' '--'))

# ---- Flags ----------------------------------------------------------------------------------------------------------

# Debian keeps each build of OpenBLAS in a folder of its own. Linker and loader are both told to take the OpenMP one,
# whichever is the system's default, so that BLAS and our own loops share one pool of threads.
TRIPLET  := $(shell $(CXX) -print-multiarch 2>/dev/null)
OPENBLAS := /usr/lib/$(TRIPLET)/openblas-openmp
LINKER   := $(firstword $(foreach name,lld gold,$(if $(shell command -v ld.$(name)),-fuse-ld=$(name))))
LIBS     := $(LINKER) -L$(OPENBLAS) -Wl,-rpath,$(OPENBLAS) -Wl,--as-needed -lopenblas -lhwy -lpng -lz \
            $(if $(filter double,$(REAL)),-lfftw3,-lfftw3f)

# Fast, but NaN and infinity stay what IEEE says. Of Highway, the one target that ARCH names; unless told so, 1.0.3
# asks more of AVX2 than x86-64-v3 has, and finds no target at all on processors with AVX-VNNI.
OPTIMIZE := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-O3)
FLAGS    := -std=c++20 $(OPTIMIZE) -march=$(ARCH) -fopenmp -fno-math-errno -fno-trapping-math -Wall -Wextra \
            -DBIJOU_REAL=$(REAL) -DHWY_COMPILE_ONLY_STATIC -DHWY_DISABLE_PCLMUL_AES \
            -I. -isystem /usr/include/$(TRIPLET)/openblas-openmp
# GCC 12 warns of sound code inside std::string, std::fill and the AVX-512 intrinsics.
FLAGS    += $(if $(findstring clang,$(CXX)),,\
              $(addprefix -Wno-,array-bounds restrict stringop-overflow stringop-overread maybe-uninitialized uninitialized))

# ---- What there is to make -------------------------------------------------------------------------------------------

# A compiler spends more time on the headers of a file than on the file, so the files of a folder are compiled in
# batches: nn.11.o is made of nn/*.cc from the eleventh on. (So a file's own helpers must have other names than those of
# its neighbours.)
batches  = $(foreach f,$1,$(shell seq -f '$(OUT)/$f.%g.o' 1 $(BATCH) $(words $(wildcard $f/*.cc))))
singles  = $(patsubst %.cc,$(OUT)/%.o,$(wildcard $(1:=/*.cc)))
objects  = $(call $(if $(filter 1,$(BATCH)),singles,batches),$1)
FOLDERS  := tensor autograd nn optim flows ssl
LIBRARY  := $(call objects,$(FOLDERS))
SUPPORT  := $(call objects,examples/support examples/experiments)
QUIZ     := $(call objects,examples/quiz)
TESTS    := $(call objects,tests)
BENCH    := $(call objects,tests/bench)
PEER     := $(call objects,tests/peer)
FUZZ     := $(call singles,tests/fuzz)
EXAMPLES := $(patsubst %.cc,%,$(wildcard examples/*.cc))

all: $(OUT)/libbijou.a examples  ## the library and all examples (what plain `make` does)

examples: $(EXAMPLES)  ## all examples; `make examples/NAME` builds one, as build/examples/NAME
$(EXAMPLES): %: $(OUT)/%

tour: deps  ## install what is missing, build, and run the lecture; PART=flows: only that part, or chapter
	@$(MAKE) examples
	@$(OUT)/examples/tour --out out/tour $(if $(PART),--part $(PART))

test: deps  ## install what is missing, build in float and in double, and run all tests
	@log=$$(mktemp); trap "rm -f $$log" EXIT; \
	for real in float double; do \
	  $(MAKE) REAL=$$real run-tests || echo "The tests in $$real did not end well."; \
	done 2>&1 | tee $$log; \
	awk '/\[ RUN      \]/ { ran++ }  /\[       OK \]/ { passed++ }  /\[  SKIPPED \].* ms\)$$/ { skipped++ } \
	     /^The tests in .* did not end well/ { bad = 1 } \
	     END { failed = ran - passed - skipped; if (bad && !failed) failed = 1; \
	           printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed || !passed }' $$log
run-tests: $(OUT)/run_tests
	@OMP_WAIT_POLICY=passive $<  # on a busy machine threads that wait for each other should not hold the cores

bench: $(OUT)/run_bench  ## time kernels and training steps, beside PyTorch where python3-torch is installed
	@if $(PYTHON) -c 'import torch' 2>/dev/null; then $(PYTHON) tests/bench/side_by_side.py $<; else $<; fi

effects: deps  ## measure the effect of every paper over paired seeds; on the real data sets with DATA; ONLY=sam: that alone
	@$(MAKE) examples/effects
	@$(OUT)/examples/effects --out out/effects $(if $(ONLY),--only $(ONLY))

peer-check:  ## compare values, gradients and optimizers with PyTorch's, in float and in double
	@for real in float double; do $(MAKE) REAL=$$real run-peer || exit; done
run-peer: $(OUT)/run_peer
	@$(PYTHON) tests/peer/check.py $<

fuzz:  ## feed broken files to every reader, FUZZ_SECONDS=30 each; needs clang
	@$(MAKE) CXX=clang++ SANITIZE=fuzzer-no-link,address,undefined run-fuzz
run-fuzz: $(FUZZ:.o=)
	@for fuzzer in $^; do corpus=corpus/$${fuzzer##*/}; mkdir -p $(OUT)/$$corpus tests/fuzz/$$corpus; \
	  $$fuzzer -max_total_time=$(or $(FUZZ_SECONDS),30) -artifact_prefix=$(OUT)/ $(OUT)/$$corpus tests/fuzz/$$corpus || exit; done

data:  ## download the public data sets into DATA (default: data) and check them
	@tests/deps.sh curl unzip git
	@examples/support/fetch_data.sh $(or $(DATA),data)

deps:  ## install those Debian packages that are missing
	@tests/deps.sh $(PACKAGES) $(if $(findstring clang,$(CXX)),$(PACKAGES_CLANG))

# For projects that use bijou: c++ mine.cc $(pkg-config --cflags --libs bijou)
install: override PREFIX := $(abspath $(PREFIX))
install: $(OUT)/libbijou.a  ## put headers, library and a pkg-config file into PREFIX
	@for folder in $(FOLDERS); do install -D -m 644 -t $(PREFIX)/include/bijou/$$folder $$folder/*.h; done
	@install -D -m 644 -t $(PREFIX)/lib $<
	@mkdir -p $(PREFIX)/lib/pkgconfig
	@printf '%s\n' 'Name: bijou' 'Description: a tensor and autograd engine, and deep learning without labels' 'Version: 1' \
	  'Cflags: $(filter-out -W% -I.,$(FLAGS)) -I$(PREFIX)/include/bijou' \
	  'Libs: -fopenmp -L$(PREFIX)/lib -lbijou $(filter-out $(LINKER),$(LIBS))' > $(PREFIX)/lib/pkgconfig/bijou.pc

format:  ## lay out all sources as .clang-format says
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

clean:  ## remove everything built
	rm -rf $(BUILD)

help:  ## print this list
	@sed -nE 's/^## ([^:]+): /  \1\t/p; s/^([a-z-]+):.*## /  make \1\t/p' Makefile | expand -t 38

.PHONY: all examples $(EXAMPLES) tour test run-tests bench effects peer-check run-peer fuzz run-fuzz data deps format install clean help always

# ---- How -------------------------------------------------------------------------------------------------------------

# Changed flags rebuild everything.
$(OUT)/flags: always
	@mkdir -p $(@D); echo '$(CXX) $(FLAGS)' | cmp -s - $@ || echo '$(CXX) $(FLAGS)' > $@

# To parse Highway takes a compiler 1.5 s, GoogleTest as long again, in every file. Precompiled, 0.3 s.
HEADERS_library := hwy/highway.h hwy/contrib/math/math-inl.h
HEADERS_tests   := $(HEADERS_library) gtest/gtest.h
$(OUT)/%.h.gch: $(OUT)/flags
	@printf '#include <%s>\n' $(HEADERS_$*) > $(@:.gch=)
	@$(CXX) $(FLAGS) -x c++-header $(@:.gch=) -o $@

# The compiler notes beside each object which headers it read (-MMD -MP); the last line of this file reads the notes.
PRECOMPILED := library
$(TESTS): private PRECOMPILED := tests
$(TESTS): $(OUT)/tests.h.gch
$(TESTS) $(OUT)/tests.h.gch: private FLAGS += -O0  # half as long to wait for, and tests have few loops of their own
compile = mkdir -p $(@D); echo "compile $@"; $(CXX) $(FLAGS) -MMD -MP -include $(OUT)/$(PRECOMPILED).h -c $< -o $@
$(OUT)/%.o: %.cc $(OUT)/library.h.gch
	@$(compile)
BATCHES := $(if $(filter 1,$(BATCH)),,$(LIBRARY) $(SUPPORT) $(QUIZ) $(TESTS) $(BENCH) $(PEER))
$(BATCHES): %.o: %.cc $(OUT)/library.h.gch
	@$(compile)
# What tests call their own helpers should not matter to the tests beside them: each file gets a namespace of its own.
in_batch = printf '%s\n' $(sort $(wildcard $(basename $*)/*.cc)) | tail -n +$(subst .,,$(suffix $*)) | head -n $(BATCH)
replace  = cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(patsubst %.o,%.cc,$(filter-out $(TESTS),$(BATCHES))): $(OUT)/%.cc: always
	@mkdir -p $(@D); $(in_batch) | sed 's/.*/#include "&"/' > $@.new; $(replace)
$(patsubst %.o,%.cc,$(filter $(TESTS),$(BATCHES))): $(OUT)/%.cc: always
	@mkdir -p $(@D); for file in $$($(in_batch)); do echo "#line 1 \"$$file\""; \
	  sed "s/^namespace {/namespace $$(basename $$file .cc) {/" $$file; done > $@.new; $(replace)

ARCHIVES := $(OUT)/libsupport.a $(OUT)/libbijou.a
$(OUT)/libbijou.a: $(LIBRARY)
$(OUT)/libsupport.a: $(SUPPORT)
$(ARCHIVES):
	@mkdir -p $(@D); rm -f $@; ar rcs $@ $^

PROGRAMS := $(EXAMPLES:%=$(OUT)/%) $(FUZZ:.o=)
$(PROGRAMS): %: %.o
$(OUT)/examples/quiz: $(QUIZ)
$(OUT)/run_tests: $(TESTS)
$(OUT)/run_bench: $(BENCH)
$(OUT)/run_peer: $(PEER)
$(OUT)/run_tests: private LIBS += -lgtest_main -lgtest
$(OUT)/run_bench: private LIBS += -lbenchmark
$(FUZZ:.o=): private LIBS += -fsanitize=fuzzer
$(PROGRAMS) $(OUT)/run_tests $(OUT)/run_bench $(OUT)/run_peer: $(ARCHIVES)
	@echo "link $@"; $(CXX) $(FLAGS) $(filter %.o,$^) $(ARCHIVES) $(LIBS) -o $@

-include $(patsubst %.o,%.d,$(LIBRARY) $(SUPPORT) $(QUIZ) $(TESTS) $(BENCH) $(PEER) $(FUZZ) $(EXAMPLES:%=$(OUT)/%.o))
