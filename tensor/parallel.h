// Two cores used where it pays: loops split over OpenMP threads, one pool for our kernels and for BLAS.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace bijou {

int threads();            // how many threads a large loop uses; at first, as many as there are cores
void set_threads(int n);  // n >= 1

// Calls body(first, last) over pieces of [0, n), on several threads where there are at least `grain` iterations for
// each. body must not throw, and must not make or drop tensors.
template <class Body>
void parallel_for(int64_t n, int64_t grain, const Body& body) {
  const int64_t pieces = std::min<int64_t>(threads(), n / std::max<int64_t>(grain, 1));
  if (pieces <= 1 || omp_in_parallel()) {
    if (n > 0) body(int64_t(0), n);
    return;
  }
#pragma omp parallel for num_threads(int(pieces)) schedule(static)
  for (int64_t p = 0; p < pieces; ++p) body(n * p / pieces, n * (p + 1) / pieces);
}

}  // namespace bijou
