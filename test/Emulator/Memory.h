//===- Memory.h - Allocations with red zones --------------------------------------------------===//
//
// Each allocation is a mapping of its own, filled with 0xff, with a pattern on both sides and pages
// beyond that fault. Freed, its pages stay unusable, so that a stale pointer faults for ever.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace emulator {

class Memory {
public:
  ~Memory();
  /// `bytes` (not 0) of a context, aligned to 256. Null if the system has no memory.
  void *allocate(size_t bytes, void *owner);
  /// False if nothing was allocated there.
  bool release(void *address);
  /// Whether these bytes are all in one live allocation.
  bool contains(const void *address, size_t bytes) const;
  bool isAllocation(const void *address) const;
  /// The live allocation that an address lies in; its start is null where there is none.
  struct Range {
    void *start = nullptr;
    size_t bytes = 0;
    void *owner = nullptr;
  };
  Range find(const void *address) const;
  /// Describes an allocation whose surroundings were written, or is empty. Tells it once.
  std::string findDamage();
  /// Bytes that are allocated: all, and those of some contexts.
  size_t bytes() const { return allocated; }
  size_t bytes(const std::function<bool(void *owner)> &isMeant) const;
  /// Releases what belongs to a context; how many these were.
  size_t releaseOwned(void *owner);
  /// The most bytes that ever were.
  size_t peak() const { return most; }
  void releaseAll();
  /// As if nothing had ever been allocated.
  void reset();

private:
  struct Allocation {
    char *region; // with the pages beyond
    size_t regionBytes, bytes;
    void *owner;
  };
  using Map = std::map<uintptr_t, Allocation>;
  void release(Map::iterator allocation);

  Map allocations; // by address
  size_t allocated = 0, most = 0;
};

} // namespace emulator
#endif // EMULATOR_MEMORY_H
