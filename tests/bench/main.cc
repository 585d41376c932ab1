// run_bench: Google Benchmark over all cases; or, with --serve, the partner of side_by_side.py: it reads lines
// "threads seconds case" and answers each with the median time of a call and of the call's bare BLAS products, in
// microseconds, as JSON.
#include <benchmark/benchmark.h>
#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

#include "tensor/parallel.h"
#include "tests/bench/bench.h"

using namespace bijou;

// ---- The floor: every product that the library asks of BLAS passes here (the linker's --wrap) and can be replayed
// ------

namespace {
struct Product {
  CBLAS_TRANSPOSE ta, tb;
  int m, n, k, lda, ldb, ldc;
  float beta;
};
bool recording = false;
std::vector<Product> products[64];  // of each thread
}  // namespace

extern "C" {
void __real_cblas_sgemm(CBLAS_ORDER, CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, int, int, int, float, const float*, int,
                        const float*, int, float, float*, int);
void __wrap_cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha,
                        const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc) {
  if (recording) products[omp_get_thread_num()].push_back({ta, tb, m, n, k, lda, ldb, ldc, beta});
  __real_cblas_sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
}

namespace {

void replay() {
  static std::vector<float> memory[64][3];
#pragma omp parallel num_threads(threads())
  {
    const int t = omp_get_thread_num();
    for (const Product& p : products[t]) {
      const size_t need[3] = {size_t(p.lda) * size_t(p.ta == CblasTrans ? p.k : p.m),
                              size_t(p.ldb) * size_t(p.tb == CblasTrans ? p.n : p.k), size_t(p.ldc) * size_t(p.m)};
      for (int i = 0; i < 3; ++i)
        if (memory[t][i].size() < need[i]) memory[t][i].resize(need[i]);
      __real_cblas_sgemm(CblasRowMajor, p.ta, p.tb, p.m, p.n, p.k, 1, memory[t][0].data(), p.lda, memory[t][1].data(),
                         p.ldb, p.beta, memory[t][2].data(), p.ldc);
    }
  }
}

double median_us(double seconds, const bench::Work& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end || times.size() < 3) {
    const auto start = Clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + long(times.size() / 2), times.end());
  return times[times.size() / 2];
}

int serve(const bench::Cases& cases) {
  std::map<std::string, bench::Work> made;
  int threads_wanted;
  double seconds;
  std::string name;
  while (std::cin >> threads_wanted >> seconds && std::getline(std::cin >> std::ws, name)) {
    set_threads(threads_wanted);
    bench::Work& work = made[name];
    if (!work) {
      work = cases.at(name)();
      for (int i = 0; i < 3; ++i) work();
    }
    const double us = median_us(seconds, work);
    for (auto& list : products) list.clear();
    recording = true;
    work();
    recording = false;
    bool any = false;
    for (const auto& list : products) any = any || !list.empty();
    std::printf("{\"us\": %.3f, \"blas\": %.3f}\n", us, any ? median_us(seconds / 3, replay) : 0.0);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Cases cases = bench::training_steps();
  cases.merge(bench::method_steps());
  cases.merge(bench::kernels());
  if (argc == 2 && !std::strcmp(argv[1], "--serve")) return serve(cases);
  for (const auto& [name, make] : cases)
    benchmark::RegisterBenchmark(name.c_str(), [make = make](benchmark::State& state) {
      const bench::Work work = make();
      work();
      for (auto _ : state) work();
    })->Unit(benchmark::kMicrosecond);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
