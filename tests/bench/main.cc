// run_bench: Google Benchmark over all cases; or, with --serve, the partner of side_by_side.py: it reads lines
// "threads seconds case" and answers each with the median time of a call and of the call's bare BLAS products, in
// microseconds, as JSON.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/product.h"
#include "tests/bench/bench.h"

using namespace bijou;

// ---- The floor: the products of a step alone, replayed on BLAS ----------------------------------------------------

namespace {

std::vector<detail::Product> products[64];  // of each thread

void record(const detail::Product& p) { products[omp_get_thread_num()].push_back(p); }

void replay() {
  static std::vector<real> memory[64][3];
#pragma omp parallel num_threads(threads())
  {
    auto& [a, b, c] = memory[omp_get_thread_num()];
    for (detail::Product p : products[omp_get_thread_num()]) {
      auto make_room = [](std::vector<real>& v, int64_t n) { v.resize(std::max(v.size(), size_t(n))); };
      make_room(a, p.lda * (p.transpose_a ? p.k : p.m));
      make_room(b, p.ldb * (p.transpose_b ? p.n : p.k));
      make_room(c, p.ldc * p.m);
      p.a = a.data(), p.b = b.data(), p.c = c.data();
      blas(p);
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
    detail::product_observer = record;
    work();
    detail::product_observer = nullptr;
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
