// Where tensors live: 64-byte aligned blocks, kept in free lists by size and handed out again,
// because a training step asks for the same sizes over and over: in steady state nothing comes from the system.
//
// Tensors are made, copied and dropped on one thread; parallel loops inside the library work on plain pointers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bijou {

// The head of a block; the data begin 64 bytes after it, fill a multiple of 64 bytes, and are followed by as many
// unused ones: a kernel may read a whole register where less is left, and write one at the end of a tensor that fills
// its block.
struct alignas(64) Storage {
  uint32_t refs;     // how many tensors share the block
  uint32_t version;  // counts the times it was opened for writing: see Tensor::mutable_data
  uint32_t size_class;
  Storage* next;  // the next block in a free list
  void* data() { return reinterpret_cast<char*>(this) + sizeof(Storage); }
};

Storage* allocate_storage(size_t bytes);  // refs = 1, contents undefined
void release_storage(Storage* storage);   // back to its free list

// Small blocks for graph nodes, from the same kind of free lists.
void* allocate_node(size_t bytes);
void release_node(void* node, size_t bytes);

// Not with the address sanitizer: it sees a use after release only if blocks really go back to the system.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReusesMemory = false;
#elif defined(__has_feature)
constexpr bool kReusesMemory = !__has_feature(address_sanitizer);
#else
constexpr bool kReusesMemory = true;
#endif

struct MemoryStats {
  size_t current;      // bytes in live tensors
  size_t peak;         // the most there were since reset_peak_memory()
  size_t from_system;  // bytes ever taken from the system
};
MemoryStats memory_stats();
void reset_peak_memory();
void empty_cache();  // gives the free blocks back to the system

}  // namespace bijou
