#include "tensor/memory.h"

#include <bit>
#include <cstdlib>
#include <new>

#include "tensor/error.h"

namespace bijou {
namespace {

// Size classes: eight to a doubling, so that at most an eighth of a block is lost. Class 0 holds 64 bytes.
constexpr int kStepsPerDoubling = 8;
constexpr int kClasses = 48 * kStepsPerDoubling;

uint32_t class_of(size_t bytes) {
  const size_t units = (bytes + 63) / 64;  // of 64 bytes
  if (units <= kStepsPerDoubling) return units ? uint32_t(units - 1) : 0;
  const int shift = std::bit_width(units - 1) - 4;  // units-1 lies in [8, 16) << shift
  return uint32_t((shift + 1) * kStepsPerDoubling + int(((units - 1) >> shift) - kStepsPerDoubling));
}

size_t bytes_of(uint32_t size_class) {
  if (size_class < kStepsPerDoubling) return 64 * (size_class + 1);
  const int shift = int(size_class / kStepsPerDoubling) - 1;
  return (size_t(size_class % kStepsPerDoubling + kStepsPerDoubling + 1) << shift) * 64;
}

struct Cache {
  Storage* free[kClasses] = {};
  MemoryStats stats = {};
};
Cache cache;

void* from_system(size_t bytes) {
  void* block = std::aligned_alloc(64, bytes);
  if (!block) {  // free blocks of other sizes may be in the way
    empty_cache();
    block = std::aligned_alloc(64, bytes);
  }
  check(block, "out of memory: no ", bytes, " bytes more, beside ", cache.stats.current, " in use");
  cache.stats.from_system += bytes;
  return block;
}

}  // namespace

Storage* allocate_storage(size_t bytes) {
  const uint32_t size_class = class_of(bytes);
  const size_t block = bytes_of(size_class);
  Storage* storage = cache.free[size_class];
  if (storage) cache.free[size_class] = storage->next;
  else storage = static_cast<Storage*>(from_system(sizeof(Storage) + block + 64));
  cache.stats.current += block;
  if (cache.stats.current > cache.stats.peak) cache.stats.peak = cache.stats.current;
  storage->refs = 1;
  storage->version = 0;
  storage->size_class = size_class;
  return storage;
}

void release_storage(Storage* storage) {
  cache.stats.current -= bytes_of(storage->size_class);
  if (!kReusesMemory) return std::free(storage);
  storage->next = cache.free[storage->size_class];
  cache.free[storage->size_class] = storage;
}

namespace {
struct FreeNode {
  FreeNode* next;
};
constexpr size_t kNodeStep = 32, kNodeClasses = 32;  // blocks of 32, 64, ... 1024 bytes; larger ones are rare
FreeNode* free_nodes[kNodeClasses];
}  // namespace

void* allocate_node(size_t bytes) {
  const size_t c = (bytes - 1) / kNodeStep;
  FreeNode* node = c < kNodeClasses ? free_nodes[c] : nullptr;
  if (!node) {
    const size_t block = c < kNodeClasses ? (c + 1) * kNodeStep : bytes;
    cache.stats.from_system += block;
    return ::operator new(block);
  }
  free_nodes[c] = node->next;
  return node;
}

void release_node(void* node, size_t bytes) {
  const size_t c = (bytes - 1) / kNodeStep;
  if (c >= kNodeClasses || !kReusesMemory) return ::operator delete(node);
  auto* f = static_cast<FreeNode*>(node);
  f->next = free_nodes[c];
  free_nodes[c] = f;
}

MemoryStats memory_stats() { return cache.stats; }
void reset_peak_memory() { cache.stats.peak = cache.stats.current; }

void empty_cache() {
  for (Storage*& head : cache.free)
    while (head) {
      Storage* next = head->next;
      std::free(head);
      head = next;
    }
}

}  // namespace bijou
