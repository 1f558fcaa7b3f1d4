//===- Grid.cpp - Runs a launch ---------------------------------------------------------------===//
#include "Grid.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include <xmmintrin.h>

using namespace emulator;

namespace {
constexpr size_t kSharedAlignment = 1024;
constexpr size_t kSharedRedZone = 256;
constexpr char kSharedPattern = 0x7f; // read by mistake, a huge float and a huge index
constexpr uint64_t kPatienceOfAll = 8;

template <size_t... I>
void call(void *kernel, const int64_t *arguments, std::index_sequence<I...>) {
  // More arguments than the function takes do no harm in this ABI.
  reinterpret_cast<void (*)(decltype(int64_t(I))...)>(kernel)(arguments[I]...);
}

std::string format(const char *format, va_list list) {
  char text[512];
  vsnprintf(text, sizeof(text), format, list);
  return text;
}

std::string place(const Dim3 &index) {
  return "(" + std::to_string(index.x) + "," + std::to_string(index.y) + "," +
         std::to_string(index.z) + ")";
}
} // namespace

bool Block::holds(const void *address, size_t bytes) const {
  const char *first = static_cast<const char *>(address);
  return first >= shared && bytes <= sharedBytes && first <= shared + (sharedBytes - bytes);
}

//===----------------------------------------------------------------------------------------===//
// Called by running threads
//===----------------------------------------------------------------------------------------===//

void Grid::wait(const char *where) {
  running->waitsAt = where;
  running->warp->ready &= ~(1u << running->lane);
  running->fiber.suspend();
}

void Grid::wake(Thread &thread) { thread.warp->ready |= 1u << thread.lane; }

void Grid::yield() {
  running->warp->yielded |= 1u << running->lane;
  wait("a poll of memory");
}

void Grid::waitForKernelBefore() {
  if (!before)
    return;
  dependent.push_back(running);
  wait("the kernel before");
}

void Grid::mayYield() {
  running->wrote = true;
  if (!schedule->isForward() && schedule->coin())
    running->fiber.suspend(); // still ready
}

void Grid::fail(const char *text, ...) {
  va_list list;
  va_start(list, text);
  error = launch->name + ", block " + place(running->block->index) + ", thread " +
          place(running->index) + ": " + format(text, list);
  va_end(list);
  running->fiber.suspend(); // for good: the launch is over
  __builtin_unreachable();
}

void Grid::enter() {
  constexpr int kUsual = 32; // most kernels take fewer: copying them all would be the longest part
  if (grid.launch->argumentCount <= kUsual)
    call(grid.launch->kernel, grid.launch->arguments, std::make_index_sequence<kUsual>());
  else
    call(grid.launch->kernel, grid.launch->arguments, std::make_index_sequence<kMaxArguments>());
  grid.exitThread();
  __builtin_unreachable();
}

void Grid::exitThread() {
  Thread &thread = *running;
  if (!thread.fiber.checkGuard())
    fail("its stack overflowed");
  leaveProducts(thread);
  Warp &warp = *thread.warp;
  warp.ready &= ~(1u << thread.lane);
  warp.exited |= 1u << thread.lane;
  --alive;
  Block &block = *thread.block;
  --block.alive;
  leaveCollectives(thread);
  // Others of the cluster may not look at this block's memory any more.
  if (block.alive == 0 && block.cluster->blocks.size() > 1)
    std::memset(block.shared, 0xff, block.sharedBytes);
  thread.fiber.suspend();
}

//===----------------------------------------------------------------------------------------===//
// The scheduler
//===----------------------------------------------------------------------------------------===//

std::string Grid::run(const Launch &what, Schedule &how, const std::function<void()> &first) {
  launch = &what;
  schedule = &how;
  before = first;
  error.clear();
  Dim3 clusterGrid = {what.grid.x / what.cluster.x, what.grid.y / what.cluster.y,
                      what.grid.z / what.cluster.z};
  std::vector<size_t> order = how.startOrder(clusterGrid.count());
  size_t resident = what.cooperative ? order.size() : how.residentClusters();
  // Device code takes subnormal numbers as 0.
  unsigned controls = _mm_getcsr();
  _mm_setcsr(controls | 0x8040);
  for (size_t first = 0; first < order.size() && error.empty(); first += resident) {
    size_t last = std::min(first + resident, order.size());
    load({order.begin() + first, order.begin() + last});
    loop();
    runBefore(); // if nobody has waited for it
    finish();
  }
  _mm_setcsr(controls);
  return error;
}

/// What comes before runs with a grid of its own, while this launch's threads keep their stacks.
void Grid::runBefore() {
  if (!before || !error.empty())
    return;
  auto work = std::exchange(before, nullptr);
  Grid suspended;
  suspended.patience = patience;
  suspended.firstStack = firstStack + blocks.size() * launch->block.count();
  std::swap(*this, suspended);
  work();
  std::swap(*this, suspended);
  for (Thread *thread : std::exchange(dependent, {}))
    wake(*thread);
}

void Grid::load(const std::vector<size_t> &clusterNumbers) {
  const Dim3 &shape = launch->cluster;
  Dim3 clusterGrid = {launch->grid.x / shape.x, launch->grid.y / shape.y, launch->grid.z / shape.z};
  blocks.clear();
  warps.clear();
  clusters.assign(clusterNumbers.size(), Cluster());
  alive = 0;
  cursor = 0;
  for (size_t c = 0; c < clusters.size(); ++c) {
    Dim3 corner = clusterGrid.at(clusterNumbers[c]);
    for (size_t rank = 0; rank < shape.count(); ++rank) {
      if (blocks.size() == pool.size())
        pool.push_back(std::make_unique<Block>());
      Block &block = *pool[blocks.size()];
      Dim3 inside = shape.at(rank);
      block.index = {corner.x * shape.x + inside.x, corner.y * shape.y + inside.y,
                     corner.z * shape.z + inside.z};
      block.cluster = &clusters[c];
      block.rank = static_cast<int>(rank);
      clusters[c].blocks.push_back(&block);
      prepare(block, firstStack + blocks.size() * launch->block.count());
      clusters[c].threads += block.alive;
      blocks.push_back(&block);
    }
  }
  victim =
      schedule->order == Schedule::Order::Starve ? warps[schedule->below(warps.size())] : nullptr;
  progress = true;
  idleRounds = idlePolls = 0;
}

void Grid::prepare(Block &block, size_t firstStack) {
  size_t threads = launch->block.count();
  block.threads.resize(threads);
  block.warps.assign((threads + kLanes - 1) / kLanes, Warp());
  block.alive = static_cast<int>(threads);
  alive += block.alive;
  std::fill(std::begin(block.barriers), std::end(block.barriers), Barrier());
  block.mbarriers.clear();
  for (size_t t = 0; t < threads; ++t) {
    Thread &thread = block.threads[t];
    Warp &warp = block.warps[t / kLanes];
    thread.block = &block;
    thread.warp = &warp;
    thread.index = launch->block.at(t);
    thread.lane = static_cast<int>(t % kLanes);
    thread.waitsAt = nullptr;
    thread.barrier = -1;
    thread.copies.clear();
    thread.copyGroup = 0;
    thread.arrivedAtCluster = false;
    thread.fiber.start(firstStack + t, enter);
    ++warp.lanes;
    warp.ready |= 1u << thread.lane;
  }
  for (size_t w = 0; w < block.warps.size(); ++w) {
    Warp &warp = block.warps[w];
    warp.block = &block;
    warp.threads = &block.threads[w * kLanes];
    warp.exited = ~warp.ready; // lanes that a last, smaller warp lacks
    warps.push_back(&warp);
  }
  size_t needed = kSharedAlignment + 2 * kSharedRedZone + launch->sharedBytes;
  if (block.sharedBuffer.size() < needed)
    block.sharedBuffer.resize(needed);
  uintptr_t start = reinterpret_cast<uintptr_t>(block.sharedBuffer.data()) + kSharedRedZone;
  block.shared = reinterpret_cast<char *>((start + kSharedAlignment - 1) & -kSharedAlignment);
  block.sharedBytes = launch->sharedBytes;
  std::memset(block.shared - kSharedRedZone, kSharedPattern, kSharedRedZone);
  std::memset(block.shared, 0xff, block.sharedBytes);
  std::memset(block.shared + block.sharedBytes, kSharedPattern, kSharedRedZone);
}

void Grid::loop() {
  while (alive && error.empty()) {
    if (Warp *next = pick()) {
      runWarp(*next);
      continue;
    }
    if (before) {
      runBefore();
      continue;
    }
    // Those that are not starved wait or poll. Whoever polls looks again after anything happened;
    // then it is the victim's turn.
    bool happened = progress;
    progress = false;
    if (happened)
      idleRounds = idlePolls = 0;
    if (happened && wakeYielded(/*victimToo=*/false))
      continue;
    if (victim && victim->ready)
      runWarp(*victim);
    else if (!wakeYielded(/*victimToo=*/true))
      error = describeDeadlock("nobody can run");
    else if (++idleRounds > patience || idlePolls > kPatienceOfAll * patience)
      error = describeDeadlock("nothing comes of polling");
  }
}

/// A warp that is ready and not the victim, or null.
Warp *Grid::pick() {
  if (schedule->isForward()) {
    for (size_t i = 0; i < warps.size(); ++i) {
      if (cursor == warps.size())
        cursor = 0;
      Warp *warp = warps[cursor++];
      if (warp->ready)
        return warp;
    }
    return nullptr;
  }
  candidates.clear();
  for (Warp *warp : warps)
    if (warp->ready && warp != victim)
      candidates.push_back(warp);
  return candidates.empty() ? nullptr : candidates[schedule->below(candidates.size())];
}

void Grid::runWarp(Warp &warp) {
  bool forward = schedule->isForward();
  while (warp.ready && error.empty()) {
    size_t first = forward ? 0 : schedule->below(kLanes);
    uint32_t rotated = first ? warp.ready >> first | warp.ready << (kLanes - first) : warp.ready;
    runLane(warp, (__builtin_ctz(rotated) + first) % kLanes);
    if (!forward && schedule->below(16) == 0)
      return; // another warp gets ahead
  }
}

void Grid::runLane(Warp &warp, int lane) {
  Thread &thread = warp.threads[lane];
  bool polls = warp.yielded >> lane & 1;
  warp.yielded &= ~(1u << lane);
  thread.wrote = false;
  running = &thread;
  thread.fiber.resume();
  bool pollsAgain = polls && (warp.yielded >> lane & 1);
  progress |= !pollsAgain || thread.wrote;
  idlePolls += pollsAgain;
}

bool Grid::wakeYielded(bool victimToo) {
  bool any = false;
  for (Warp *warp : warps) {
    uint32_t asleep = warp->yielded & ~warp->ready;
    if (!asleep || (warp == victim && !victimToo))
      continue;
    warp->ready |= asleep; // runLane sees by `yielded` that they were polling
    any = true;
  }
  return any;
}

/// Looks for damage when the resident blocks are through.
void Grid::finish() {
  for (Block *block : blocks) {
    const char *before = block->shared - kSharedRedZone,
               *after = block->shared + block->sharedBytes;
    auto whole = [](const char *zone) {
      return std::all_of(zone, zone + kSharedRedZone, [](char c) { return c == kSharedPattern; });
    };
    if (error.empty() && (!whole(before) || !whole(after)))
      error = launch->name + ", block " + place(block->index) + ": wrote " +
              (whole(after) ? "before" : "after") + " its " + std::to_string(block->sharedBytes) +
              " bytes of shared memory";
  }
}

std::string Grid::describeDeadlock(const char *what) {
  std::string text = launch->name + ": deadlock, " + what;
  int described = 0;
  for (Block *block : blocks) {
    if (!block->alive)
      continue;
    if (++described > 4)
      return text + "; and so on";
    std::map<std::string, int> waiting;
    for (Thread &thread : block->threads)
      if (!(thread.warp->exited >> thread.lane & 1))
        ++waiting[thread.waitsAt ? thread.waitsAt : "its start"];
    text += "; block " + place(block->index) + ": ";
    if (size_t exited = block->threads.size() - block->alive)
      text += std::to_string(exited) + " have exited, ";
    const char *separator = "";
    for (auto &[where, count] : waiting) {
      text += separator + std::to_string(count) +
              (count == 1 ? " thread waits at " : " threads wait at ") + where;
      separator = ", ";
    }
  }
  return text;
}
