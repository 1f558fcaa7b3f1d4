//===- Memory.cpp - Allocations with red zones ------------------------------------------------===//
#include "Memory.h"

#include <algorithm>
#include <cstring>

#include <sys/mman.h>

using namespace emulator;

namespace {
constexpr size_t kPage = 4096;
constexpr size_t kAlignment = 256; // and the least size of a red zone
constexpr char kPattern = 0x7f;    // read by mistake, a huge float and a huge index

size_t roundUp(size_t value, size_t to) { return (value + to - 1) / to * to; }
} // namespace

Memory::~Memory() { releaseAll(); }

void *Memory::allocate(size_t bytes, void *owner) {
  // page that faults | pattern | data | pattern | page that faults
  if (bytes > SIZE_MAX / 2)
    return nullptr;
  size_t padded = roundUp(bytes, kAlignment) + kAlignment;
  size_t inside = roundUp(kAlignment + padded, kPage);
  void *mapping = mmap(nullptr, inside + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return nullptr;
  char *region = static_cast<char *>(mapping), *zone = region + kPage;
  if (mprotect(zone, inside, PROT_READ | PROT_WRITE)) {
    munmap(mapping, inside + 2 * kPage);
    return nullptr;
  }
  char *data = zone + inside - padded;
  std::memset(zone, kPattern, data - zone);
  std::memset(data, 0xff, bytes);
  std::memset(data + bytes, kPattern, padded - bytes);
  allocations[reinterpret_cast<uintptr_t>(data)] = {region, inside + 2 * kPage, bytes, owner};
  allocated += bytes;
  most = std::max(most, allocated);
  return data;
}

void Memory::release(Map::iterator allocation) {
  const Allocation &gone = allocation->second;
  // The address range stays taken, without memory behind it.
  mmap(gone.region, gone.regionBytes, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  allocated -= gone.bytes;
  allocations.erase(allocation);
}

bool Memory::release(void *address) {
  auto found = allocations.find(reinterpret_cast<uintptr_t>(address));
  if (found == allocations.end())
    return false;
  release(found);
  return true;
}

size_t Memory::releaseOwned(void *owner) {
  size_t count = 0;
  for (auto next = allocations.begin(); next != allocations.end();) {
    auto each = next++;
    if (each->second.owner != owner)
      continue;
    release(each);
    ++count;
  }
  return count;
}

size_t Memory::bytes(const std::function<bool(void *owner)> &isMeant) const {
  size_t sum = 0;
  for (auto &[start, allocation] : allocations)
    if (isMeant(allocation.owner))
      sum += allocation.bytes;
  return sum;
}

void Memory::releaseAll() {
  while (!allocations.empty())
    release(allocations.begin());
}

void Memory::reset() {
  releaseAll();
  most = 0;
}

Memory::Range Memory::find(const void *address) const {
  uintptr_t place = reinterpret_cast<uintptr_t>(address);
  auto next = allocations.upper_bound(place);
  if (next == allocations.begin())
    return {};
  auto &[start, allocation] = *std::prev(next);
  if (place - start > allocation.bytes)
    return {};
  return {reinterpret_cast<void *>(start), allocation.bytes, allocation.owner};
}

bool Memory::contains(const void *address, size_t bytes) const {
  Range range = find(address);
  size_t before = static_cast<const char *>(address) - static_cast<const char *>(range.start);
  return range.start && bytes <= range.bytes && before <= range.bytes - bytes;
}

bool Memory::isAllocation(const void *address) const {
  return allocations.count(reinterpret_cast<uintptr_t>(address));
}

std::string Memory::findDamage() {
  for (auto &[start, allocation] : allocations) {
    char *data = reinterpret_cast<char *>(start), *end = data + allocation.bytes;
    char *zone = allocation.region + kPage;
    char *zoneEnd = allocation.region + allocation.regionBytes - kPage;
    auto isDamaged = [](char c) { return c != kPattern; };
    std::string size = std::to_string(allocation.bytes);
    std::string what;
    char *after = std::find_if(end, zoneEnd, isDamaged);
    if (after != zoneEnd)
      what = "a write " + std::to_string(after - end) + " bytes after an allocation of " + size +
             " bytes";
    auto before =
        std::find_if(std::make_reverse_iterator(data), std::make_reverse_iterator(zone), isDamaged);
    if (before.base() != zone)
      what = "a write " + std::to_string(data - before.base() + 1) +
             " bytes before an allocation of " + size + " bytes";
    if (what.empty())
      continue;
    std::memset(zone, kPattern, data - zone);
    std::memset(end, kPattern, zoneEnd - end);
    return what;
  }
  return "";
}
